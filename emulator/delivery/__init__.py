"""Delivers rows: batches, requests, retries, and an account of every row.

``sender`` sends a request until each of its rows is settled: ``attempt`` makes one try, the route
(``request``) decides which rows another try may help, and ``retry`` limits the tries.
"""
