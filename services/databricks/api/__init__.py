"""The HTTP side: requests, their bodies and the answers of Databricks' Jobs API."""
