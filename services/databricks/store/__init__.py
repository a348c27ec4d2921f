"""The state of the service: one SQLite file."""
