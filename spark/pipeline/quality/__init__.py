"""The quality gate: compares the tables with the objects they were made from."""
