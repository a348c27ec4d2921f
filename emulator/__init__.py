"""The users of the Pinterest API, who send posts through API Gateway (hop 2).

``user_posting_emulation`` is the program of the historical road. What it is made of serves any
road: ``draw`` (which posts, when), ``source`` (their rows), ``batches`` (rows of a request),
``request`` (what a road is), ``sender`` (retries, answers), ``accounting``, ``journal`` and
``spool`` (what became of each row), ``emulation`` (the loop), ``options`` (the command line).
"""
