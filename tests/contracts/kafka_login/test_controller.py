"""With logins the controller's listener serves the broker alone."""

import subprocess
from pathlib import Path

import pytest

from tests.contracts.kafka_login.conftest import USER, broker
from tests.support import ROOT

STATUS = ("org.apache.kafka.tools.MetadataQuorumCommand", "describe", "--status")
LOGIN = (
    "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nssl.truststore.type=PEM\n"
    "ssl.truststore.location={ca}\n"
    "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
    'username="{user}" password="{password}";\n'
)


def status(controller: str, file: Path, login: str) -> subprocess.CompletedProcess[str]:
    """Query the quorum at the controller, as a client with the lines of ``login``."""
    file.write_text("default.api.timeout.ms=6000\nrequest.timeout.ms=5000\n" + login)
    command = ["java", "-cp", f"{ROOT / '.build/kafka/libs'}/*", STATUS[0]]
    command += ["--bootstrap-controller", controller, "--command-config", str(file), *STATUS[1:]]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.slow
def test_only_the_broker_logs_in_at_the_controller(tmp_path: Path) -> None:
    service, client = broker(tmp_path)
    controller = service.environment["KAFKA_CONTROLLER_LISTEN"]
    secrets = tmp_path / "data/kafka/secure"
    with service:
        ca, file = client["KAFKA_CA_FILE"], tmp_path / "client.properties"
        assert status(controller, file, "").returncode != 0
        own = Path(client["KAFKA_SCRAM_PASSWORD_FILE"]).read_text().strip()
        refused = status(controller, file, LOGIN.format(ca=ca, user=USER, password=own))
        assert "Authentication failed" in refused.stdout + refused.stderr
        password = (secrets / "broker_password").read_text().strip()
        done = status(controller, file, LOGIN.format(ca=ca, user="broker", password=password))
        assert "LeaderId:" in done.stdout, done.stdout + done.stderr
