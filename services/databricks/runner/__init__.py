"""The other side of a task: runs in the Spark environment, as a process of its own.

``python -m services.databricks.runner FOLDER`` does what ``FOLDER/task.json`` says and leaves
``FOLDER/outcome.json``. It stands for what Databricks Runtime does around the code of a task.
Standard library, pyspark and boto3 only: none of the service's own libraries is there.
"""
