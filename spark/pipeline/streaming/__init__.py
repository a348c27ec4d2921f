"""The streaming pipeline: from records of Kinesis to the cleaned tables and live metrics."""
