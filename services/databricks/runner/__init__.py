"""Runs a task in the Spark environment, in a process of its own.

``python -m services.databricks.runner FOLDER`` runs the task of ``FOLDER/task.json`` and writes
``FOLDER/outcome.json``. It stands for the part of Databricks Runtime that runs a task's code.
It imports only the standard library, pyspark and boto3: its environment has no other libraries.
"""
