"""LocalStack's process: its address, its end, its name look-up and its folders."""

import os
import tempfile
from pathlib import Path
from typing import Any

from localstack.runtime.init import init_script_manager
from localstack.runtime.runtime import LocalstackRuntime
from localstack.runtime.server import twisted as server
from localstack.utils.aws import aws_stack
from twisted.internet.endpoints import TCP4ServerEndpoint

from localstack import config
from patches.start import Start

SCRIPTS = Path(__file__).resolve().parents[1]
"""Folder of ready.d."""


def install(start: Start) -> None:
    """Bind one host, exit at once, resolve no name, and use this project's folders."""
    host_of = {address.port: address.host for address in config.GATEWAY_LISTEN}

    def endpoint(reactor: Any, port: int) -> TCP4ServerEndpoint:
        return TCP4ServerEndpoint(reactor, port, interface=host_of[port])

    server.endpoints.TCP4ServerEndpoint = endpoint
    # Nothing is lost: an object is on disk before its PUT is answered.
    LocalstackRuntime.exit = lambda runtime, code=0: os._exit(code)
    # Stock, the first client of S3 resolves s3.localhost, and glibc queries the name server for it.
    aws_stack.CACHE_S3_HOSTNAME_DNS_STATUS = False
    init_script_manager().script_root = str(SCRIPTS)
    start.temporary.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(start.temporary)
