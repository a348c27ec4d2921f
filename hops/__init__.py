"""Each hop of the batch pipeline, asked from outside: what does it hold?"""
