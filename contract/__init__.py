"""The one definition of entities, wire forms, names and settings (hop 0).

It imports the standard library only, and every other package may import it. The name of a field,
topic, stream, object or table is spelled here and nowhere else.
"""
