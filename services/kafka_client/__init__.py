"""Connection and login of every Kafka client of the project (services, hops, connectors)."""
