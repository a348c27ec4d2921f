"""The command line ``pinpipe``: starts, watches and follows what the other folders hold.

It runs the services of ``docker-compose.yml`` and looks at each hop from
outside, over the wire; of this project it imports ``contract`` only.
"""
