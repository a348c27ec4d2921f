"""``POST /topics/...``: records to Kafka, and a response for each."""
