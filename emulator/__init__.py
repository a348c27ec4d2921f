"""The users of the Pinterest API, who send posts through API Gateway (hop 2).

``user_posting_emulation`` is the program of the batch pipeline, and
``user_posting_emulation_streaming`` that of the streaming pipeline. They differ in their routes,
``routes.kafka`` and ``routes.kinesis``: the request, and how its response is read. Any route uses:
``draw`` (which posts, when), ``source`` (their rows), ``batches`` (rows of a request), ``request``
(what a route is), ``sender`` (retries, answers, which order is kept),
``accounting``, ``journal`` and ``spool`` (what became of each row), ``lag`` (whether the rate is
reached), ``emulation`` (the loop), ``options`` (the command line).
"""
