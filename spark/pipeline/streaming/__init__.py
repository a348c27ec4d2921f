"""The streaming pipeline: from records of Kinesis to the cleaned tables and live metrics.

``service`` runs a query for each stream, whose batches ``sink`` writes. ``row_cache`` finds the
rows that are new, ``counted_posts`` stores which posts were counted, ``metrics`` computes the live
metrics, and ``live_table`` writes them. ``stagger`` delays batches that would compete.
"""
