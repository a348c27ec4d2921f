"""The one definition of what travels: entities, wire forms, names and settings.

Standard library only, and it imports nothing else of this project; every other
folder imports it. A field, topic, stream, object or table is spelled here and
nowhere else.
"""
