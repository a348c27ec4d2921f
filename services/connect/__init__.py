"""Hop 6: the Kafka Connect worker and its S3 sink, which stand for MSK Connect."""
