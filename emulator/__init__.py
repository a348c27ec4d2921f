"""The users of the Pinterest API, who send posts through API Gateway (hop 2).

``user_posting_emulation`` is the program of the batch pipeline, and
``user_posting_emulation_streaming`` that of the streaming pipeline. They differ in their routes,
``routes.kafka`` and ``routes.kinesis``: the request, and how its response is read. Both use
``options`` (the command line), ``emulation`` (the loop), ``draw`` (which posts, when), ``source``
(their rows) and ``lag`` (whether the rate is reached), and of ``delivery``: ``batches`` (rows of a
request), ``request`` (the base class of routes), ``sender`` (retries, responses, order of rows),
``attempt`` (one try), ``outbox`` (each row until it is settled) and ``accounting`` (the counts).
"""
