"""Each hop of both pipelines, read from outside over the wire by a client of its service."""
