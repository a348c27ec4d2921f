"""Entry points of the Databricks jobs: arguments, settings, one call."""
