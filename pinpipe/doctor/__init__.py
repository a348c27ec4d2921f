"""The cloud target: an AWS account and a Databricks workspace, looked at before they are used.

``pinpipe doctor --target aws`` is ``doctor.examine``; each module asks one thing and yields
findings. Nothing is written anywhere.
"""
