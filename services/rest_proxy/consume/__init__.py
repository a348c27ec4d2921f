"""``/consumers/...``: consumer instances of the v2 API."""
