"""Hop 4: the Kafka REST proxy (Confluent REST API v2), which the original ran on EC2.

One process and one event loop. A request passes ``http.server``, ``http.routes`` (finds the
handler), ``http.handlers`` and ``http.bodies`` (reads the JSON), then ``produce``, ``metadata``
or ``consume``, which own the three kinds of Kafka client.
"""
