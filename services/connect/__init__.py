"""Hop 6: the Kafka Connect worker and its S3 sink. They stand for MSK Connect."""
