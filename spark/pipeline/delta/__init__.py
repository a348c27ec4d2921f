"""Delta tables: reading, merging, locking and maintaining them."""
