"""Hop 7, Databricks: from raw records to cleaned Delta tables and the nine historical results.

``parse``, ``cleaning`` and ``queries`` are DataFrame to DataFrame: no session, no IO, no clock. The
batch road (``ingest``) and the streaming road (``stream``) share them; what differs is where
records come from (``objects``, ``shards``) and how a ``position`` looks.
"""
