"""Hop 5: the Kafka broker, with its topics and health check. It stands for Amazon MSK."""
