"""Generates the columns of the source database, true to the original's profile."""
