"""How every Kafka client of the project connects and logs in (services, hops, connectors)."""
