"""Hop 4: the Kafka REST proxy (Confluent REST API v2), which the original ran on EC2.

One process and one event loop. A request passes ``server`` (HTTP), ``routes`` (which
call it is), ``calls`` (what it does) and ``bodies`` (what its JSON says), then
``producer``, ``metadata`` or ``consumers``, which hold the three kinds of Kafka client.
"""
