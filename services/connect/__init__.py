"""Hop 6: the Kafka Connect worker and its S3 sink. They stand for MSK Connect.

The sink is the Java project in ``s3-sink``: ``S3SinkTask`` gives each record to the
``PartitionWriter`` of its partition. ``connector.json`` configures it.
"""
