"""``POST /topics/...``: sends records to Kafka and returns the result of each."""
