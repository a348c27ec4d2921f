"""The command line ``pinpipe``: it runs the services of ``docker-compose.yml`` and shows each hop.

It reads the hops over the wire, with the clients of ``hops``.
"""
