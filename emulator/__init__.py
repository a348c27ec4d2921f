"""The users of the Pinterest API, who send posts through API Gateway (hop 2).

``user_posting_emulation`` is the program of the batch pipeline, and
``user_posting_emulation_streaming`` that of the streaming pipeline. They differ in their routes,
``routes.kafka`` and ``routes.kinesis``: the request, and how its response is read. Both use
``draw`` (which posts, when), ``source`` (their rows), ``batches`` (rows of a request), ``request``
(the base class of routes), ``sender`` (retries, responses, order of rows), ``accounting``,
``journal`` and ``spool`` (the outcome of each row), ``lag`` (whether the rate is reached),
``emulation`` (the loop) and ``options`` (the command line).
"""
