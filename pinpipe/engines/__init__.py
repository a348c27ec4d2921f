"""Engines that run the services: containers of Docker, or processes of this machine."""
