"""kinesalite as the Kinesis engine behind LocalStack, with streams that outlive both.

LocalStack's own engine slows down as records accumulate: a call of 500 records takes 3.4 s of
processor time when a stream holds 5,000. kinesalite stays at about 65 ms. It has no
RegisterStreamConsumer, UpdateShardCount or DescribeLimits (docs/decisions/0004-localstack.md).

The streams of an account are a database below ``<data>/kinesis``. A template that is deployed on
them keeps them.
"""

import logging
import os
import subprocess
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.forwarder import AwsRequestProxy
from localstack.http.proxy import Proxy
from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent
from localstack.services.kinesis.kinesis_mock_server import KinesisServerManager
from localstack.services.kinesis.provider import KinesisProvider
from localstack.services.kinesis.resource_providers.aws_kinesis_stream import (
    KinesisStreamProvider,
)
from localstack.utils.aws.arns import kinesis_stream_arn
from localstack.utils.net import get_free_tcp_port
from localstack.utils.serving import Server

from localstack import config
from patches.start import Start

LOG = logging.getLogger("localstack.kinesis_engine")

MAIN = Path(__file__).resolve().parents[1] / "kinesalite" / "main.cjs"
MODULE = MAIN.parents[2] / ".build" / "localstack" / "node_modules" / "kinesalite"

IDLE = 60
"""Seconds after which the engine closes an unused connection."""


class KinesaliteServer(Server):
    """kinesalite as a child process that cannot outlive this one."""

    def __init__(self, account_id: str, host: str, port: int, streams: Path) -> None:
        super().__init__(port, host)
        self.account_id = account_id
        self._streams = streams / account_id
        self._process: subprocess.Popen[bytes] | None = None
        self._answered = False

    @property
    def ready(self) -> bool:
        """Whether kinesalite runs and has responded once."""
        self._answered = self._answered or self.is_up()
        return self._answered and self.is_running()

    def do_run(self) -> None:
        """Run kinesalite until it ends."""
        environment = os.environ | {
            "AWS_ACCOUNT_ID": self.account_id,
            "KINESALITE_MODULE": str(MODULE),
            "KINESALITE_PATH": str(self._streams),
            "KINESALITE_HOST": self.host,
            "KINESALITE_PORT": str(self.port),
            "KINESALITE_IDLE": str(IDLE),
            "KINESALITE_SHARD_LIMIT": str(config.KINESIS_SHARD_LIMIT),
        }
        # kinesalite ends with its standard input, which the kernel closes when this process ends.
        self._process = subprocess.Popen(["node", MAIN], stdin=subprocess.PIPE, env=environment)
        code = self._process.wait()
        if not self._stopped.is_set():
            # Whoever starts LocalStack again starts both, and streams in memory would be empty.
            LOG.error("kinesalite ended with %d, so LocalStack ends too", code)
            os._exit(1)

    def do_shutdown(self) -> None:
        """Kill kinesalite."""
        if self._process is not None:
            self._process.kill()


_first: KinesaliteServer | None = None


def first() -> KinesaliteServer | None:
    """The engine of the first account that was called; None until it is ready."""
    return _first if _first is not None and _first.ready else None


def install(start: Start) -> None:
    """Run kinesalite on KINESIS_LISTEN in place of LocalStack's own engine.

    LocalStack runs one engine for each AWS account. The first account called, which is the one
    that ready.d deploys to, gets the port of KINESIS_LISTEN; others get any free port.
    """
    host, port = start.settings.kinesis_listen
    streams = start.data / "kinesis"

    def create(manager: KinesisServerManager, account_id: str) -> KinesaliteServer:
        global _first
        if manager._servers:
            return KinesaliteServer(account_id, host, get_free_tcp_port(), streams)
        _first = KinesaliteServer(account_id, host, port, streams)
        return _first

    def forward_url(provider: KinesisProvider, account_id: str, region_name: str) -> str:
        return str(provider.server_manager.get_server_for_account(account_id).url)

    def make_proxy(proxy: AwsRequestProxy, endpoint_url: str, *options: object) -> None:
        make(proxy, endpoint_url, *options)
        # Stock, the engine gets the name by which a client called LocalStack, which it refuses.
        proxy.proxy = Proxy(forward_base_url=endpoint_url, preserve_host=False)

    def create_stream(provider: KinesisStreamProvider, request: Any) -> ProgressEvent:
        stream = request.desired_state
        if _must_be_created(request.aws_client_factory.kinesis, stream["Name"]):
            return create_resource(provider, request)
        stream["Arn"] = kinesis_stream_arn(stream["Name"], request.account_id, request.region_name)
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=stream)

    create_resource = KinesisStreamProvider.create
    KinesisStreamProvider.create = create_stream
    make = AwsRequestProxy.__init__
    AwsRequestProxy.__init__ = make_proxy
    KinesisServerManager._create_kinesis_mock_server = create
    KinesisProvider.get_forward_url = forward_url  # stock, the host is always localhost


def _must_be_created(kinesis: Any, stream: str) -> bool:
    """Whether a stream does not exist or is being created.

    A stream of a database that cannot be opened counts as existing: the rest of the template is
    deployed.
    """
    try:
        found = kinesis.describe_stream_summary(StreamName=stream)
    except ClientError as error:
        return bool(error.response["Error"]["Code"] == "ResourceNotFoundException")
    return bool(found["StreamDescriptionSummary"]["StreamStatus"] != "ACTIVE")
