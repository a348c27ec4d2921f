"""States of containers, as ``docker inspect`` describes them."""

from pinpipe.engines import compose
from pinpipe.engines.docker import _status
from pinpipe.engines.engine import project_root
from pinpipe.engines.status import State


def test_a_container_that_docker_starts_again_is_restarting() -> None:
    service = compose.load(project_root(), {}, native=False).service("kafka")
    container = {"RestartCount": 3, "State": {"Status": "restarting", "ExitCode": 1}}
    found = _status(service, container, {})
    assert (found.state, found.state.fine) == (State.RESTARTING, False)
    assert found.reason == "restarts: 3; the last process ended with 1"
