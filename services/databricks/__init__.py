"""Hop 8: the Databricks Jobs API, 2.1 and 2.2, which in the cloud is the workspace.

A request passes ``server`` (HTTP, token, bounds), then ``jobs``, ``runs`` or ``clusters`` (what a
call does) and ``bodies`` and ``tasks`` (what its JSON may say). State is in SQLite (``database``),
shown as JSON by ``views`` and as a page by ``page``. ``scheduler`` gives runs their turn,
``execution`` walks the tasks of one run, ``attempt`` runs one task as a process (``process``) of
the Spark environment, where ``runner`` takes over.

One process, one event loop: every change of state happens on its thread, so none needs a lock.
"""
