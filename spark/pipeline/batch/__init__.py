"""The batch pipeline: new objects into the cleaned tables, and the nine results."""
