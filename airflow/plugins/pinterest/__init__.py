"""Hop 9: the package of the DAGs; on MWAA it is in plugins.zip, whose root is importable.

``names`` and ``interval`` define the scope of a run, ``objects`` waits for its objects,
``spark_jobs`` defines the Spark jobs, ``jobs`` submits them, ``alert`` reports a failure. Only
``objects_trigger``, which the triggerer imports, may import a provider at the top.
"""
