"""``pinpipe doctor``: checks this machine, or an AWS account and a Databricks workspace.

``machine`` and ``docker_machine`` check this machine. ``target`` calls the other modules for
``--target aws``; each yields findings and writes nothing.
"""
