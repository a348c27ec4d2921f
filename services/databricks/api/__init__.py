"""The HTTP interface: requests and responses of Databricks' Jobs API."""
