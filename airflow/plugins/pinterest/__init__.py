"""Hop 9: what the DAG takes beside Airflow; on MWAA it's in plugins.zip, whose root is importable.

``names`` and ``interval`` say what a run is about, ``objects`` waits for it, ``spark_jobs`` says
what Databricks runs and ``jobs`` submits it, ``alert`` tells of a failure. Only
``objects_trigger``, which the triggerer imports, may import a provider at the top.
"""
