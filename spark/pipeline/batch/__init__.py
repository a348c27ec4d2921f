"""The batch pipeline: from new objects to the cleaned tables and the nine results.

``ingest`` fills the tables. ``queries`` computes the results, and ``results`` stores them.
"""
