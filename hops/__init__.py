"""Each hop of the historical road, asked from outside: what does it hold?"""
