"""kinesalite as the Kinesis engine behind LocalStack.

LocalStack's own engine slows down as records accumulate: a call of 500 records takes 3.4 s of
processor time when a stream holds 5,000. kinesalite stays at about 65 ms. It has no
RegisterStreamConsumer, UpdateShardCount or DescribeLimits (docs/decisions/0004-localstack.md).
"""

import logging
import os
import subprocess
from pathlib import Path

from localstack.aws.forwarder import AwsRequestProxy
from localstack.http.proxy import Proxy
from localstack.services.kinesis.kinesis_mock_server import KinesisServerManager
from localstack.services.kinesis.provider import KinesisProvider
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

    def __init__(self, account_id: str, host: str, port: int) -> None:
        super().__init__(port, host)
        self.account_id = account_id
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
            "KINESALITE_HOST": self.host,
            "KINESALITE_PORT": str(self.port),
            "KINESALITE_IDLE": str(IDLE),
            "KINESALITE_SHARD_LIMIT": str(config.KINESIS_SHARD_LIMIT),
        }
        # kinesalite ends with its standard input, which the kernel closes when this process ends.
        self._process = subprocess.Popen(["node", MAIN], stdin=subprocess.PIPE, env=environment)
        code = self._process.wait()
        if not self._stopped.is_set():
            # The streams are lost, and a LocalStack with empty streams would hide that.
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

    def create(manager: KinesisServerManager, account_id: str) -> KinesaliteServer:
        global _first
        if manager._servers:
            return KinesaliteServer(account_id, host, get_free_tcp_port())
        _first = KinesaliteServer(account_id, host, port)
        return _first

    def forward_url(provider: KinesisProvider, account_id: str, region_name: str) -> str:
        return str(provider.server_manager.get_server_for_account(account_id).url)

    def make_proxy(proxy: AwsRequestProxy, endpoint_url: str, *options: object) -> None:
        make(proxy, endpoint_url, *options)
        # Stock, the engine gets the name by which a client called LocalStack, which it refuses.
        proxy.proxy = Proxy(forward_base_url=endpoint_url, preserve_host=False)

    make = AwsRequestProxy.__init__
    AwsRequestProxy.__init__ = make_proxy
    KinesisServerManager._create_kinesis_mock_server = create
    KinesisProvider.get_forward_url = forward_url  # stock, the host is always localhost
