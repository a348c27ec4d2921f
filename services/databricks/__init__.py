"""Hop 8: the Databricks Jobs API, 2.1 and 2.2; it stands for a Databricks workspace.

In ``api``, ``server`` receives a request (HTTP, token, bounds); ``jobs``, ``runs`` and ``clusters``
handle the calls, ``bodies`` and ``tasks`` check their JSON, ``views`` writes the responses.
``store`` keeps the state in SQLite, ``ui`` shows it as pages. In ``engine``, ``scheduler`` starts
the runs, ``execution`` runs the tasks of one run, ``task_runner`` runs one attempt as a process of
the Spark environment. That process is ``runner``.

One process with one event loop: its thread makes every change of state, so none needs a lock.
"""
