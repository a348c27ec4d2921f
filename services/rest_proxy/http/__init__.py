"""The HTTP side of the proxy: the server, routes and handlers, bodies, media types and errors."""
