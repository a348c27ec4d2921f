"""``dbutils``: files, secrets, widgets and nested notebooks."""
