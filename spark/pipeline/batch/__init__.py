"""The batch pipeline: from new objects to the cleaned tables and the nine results."""
