"""Hop 7: reading, merging, locking and maintaining Delta tables."""
