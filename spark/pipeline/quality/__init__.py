"""The quality gate: the tables compared with the objects they were made from."""
