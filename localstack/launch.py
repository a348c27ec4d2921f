"""Starts LocalStack 4.14.0, with what this project needs changed in it.

LocalStack stands for the AWS account: API Gateway (hop 3), S3 (hop 6) and
Kinesis (the streaming pipeline). It is taken from the package registry as it is;
each change below is made in memory at start, and says why.

    launch.py FOLDER    the objects of S3 are kept in FOLDER
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from localstack.runtime.init import init_script_manager
from localstack.runtime.main import main
from localstack.runtime.runtime import LocalstackRuntime
from localstack.runtime.server import twisted as server
from localstack.utils.aws import aws_stack
from patches import (
    connections,
    kept_objects,
    kinesis_engine,
    kinesis_records,
    mapping_templates,
    refusals,
    starting,
)
from twisted.internet.endpoints import TCP4ServerEndpoint

from contract.settings import Settings
from localstack import config

HERE = Path(__file__).resolve().parent


def listen_on_the_named_host() -> None:
    """Bind the gateway to the host of GATEWAY_LISTEN: stock, it binds every interface."""
    host_of = {address.port: address.host for address in config.GATEWAY_LISTEN}

    def endpoint(reactor: Any, port: int) -> TCP4ServerEndpoint:
        return TCP4ServerEndpoint(reactor, port, interface=host_of[port])

    server.endpoints.TCP4ServerEndpoint = endpoint


def end_at_once() -> None:
    """End on SIGTERM without waiting 10 s for idle threads: what is kept is on disk already."""
    LocalstackRuntime.exit = lambda runtime, code=0: os._exit(code)


def ask_no_name_server() -> None:
    """Call S3 as localhost: stock, its first caller asks DNS for the address of s3.localhost."""
    aws_stack.CACHE_S3_HOSTNAME_DNS_STATUS = False


def keep_to_own_folders() -> None:
    """Take ready.d from here, and keep temporary files below FILESYSTEM_ROOT."""
    init_script_manager().script_root = str(HERE)
    Path(config.dirs.tmp).mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = config.dirs.tmp


if __name__ == "__main__":
    settings = Settings.from_environ()
    listen_on_the_named_host()
    end_at_once()
    ask_no_name_server()
    keep_to_own_folders()
    kinesis_engine.install(*settings.kinesis_listen)
    kinesis_records.install()
    kept_objects.install(Path(sys.argv[1]), Path(config.dirs.tmp) / "s3")
    connections.install()
    mapping_templates.install()
    refusals.install()
    starting.install()
    main()
