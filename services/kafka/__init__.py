"""Hop 5: the Kafka broker, which stands for Amazon MSK, its topics and its health check."""
