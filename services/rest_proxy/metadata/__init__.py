"""``GET /topics`` and ``/brokers``: what the cluster says of itself."""
