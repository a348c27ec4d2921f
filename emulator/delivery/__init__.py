"""Delivers rows: batches, requests, retries, and an account of every row."""
