"""What runs the services: containers of a Docker engine, or processes of this machine."""
