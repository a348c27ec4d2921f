"""``GET /topics`` and ``/brokers``: the metadata of the cluster."""
