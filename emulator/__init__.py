"""The users of the Pinterest API, who send posts through API Gateway (hop 2).

``user_posting_emulation`` is the program of the historical road, and
``user_posting_emulation_streaming`` that of the real-time road. They differ in ``routes.kafka`` and
``routes.kinesis``: the request, and how its answer is read. What they are made of serves any road:
``draw`` (which posts, when), ``source`` (their rows), ``batches`` (rows of a request), ``request``
(what a road is), ``sender`` (retries, answers, which order is kept),
``accounting``, ``journal`` and ``spool`` (what became of each row), ``lag`` (whether the rate is
reached), ``emulation`` (the loop), ``options`` (the command line).
"""
