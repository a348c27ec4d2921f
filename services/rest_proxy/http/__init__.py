"""The HTTP side of the proxy: the server, the table of calls, bodies, media types and errors."""
