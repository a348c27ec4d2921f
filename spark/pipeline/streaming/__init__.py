"""The streaming pipeline: records of Kinesis into the cleaned tables and live metrics."""
