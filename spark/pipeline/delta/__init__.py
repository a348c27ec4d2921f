"""Hop 7: Delta tables: read and written (``tables``), locked (``lock``), maintained."""
