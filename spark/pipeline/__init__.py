"""Hop 7, Databricks: from raw records to cleaned Delta tables and the nine historical results.

``parse`` and ``cleaning`` are DataFrame to DataFrame: no session, no IO, no clock. The batch
pipeline (``batch``) and the streaming pipeline (``streaming``) share them. They differ in where
records come from (``sources.objects``, ``sources.streams``) and in the form of a record's position.
Both write by ``delta.tables``; ``quality`` compares tables with objects.
"""
