"""Notebooks as Databricks runs them: their cells, languages, displays and tables."""
