"""Access to secrets: modes of files on this machine, and volumes of containers."""

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from contract.errors import SettingError
from contract.secrets import secret
from hops import airflow
from hops.errors import HopError
from pinpipe.engines import logins, run_folder
from pinpipe.engines.docker import DockerEngine
from pinpipe.engines.processes import Processes
from tests.support import ROOT

_AIRFLOW = (
    "airflow-init",
    "airflow-api-server",
    "airflow-scheduler",
    "airflow-dag-processor",
    "airflow-triggerer",
)
SECRETS = {
    "mysql-root": {"mysql": "rw"},
    "mysql-loader": {"mysql": "rw", "dataset-load": "ro"},
    "mysql-reader": {"mysql": "rw", "emulator": "ro", "emulator-streaming": "ro"},
    "mysql-metastore": {"mysql": "rw", "databricks": "ro"},
    "gateway-api-key": {"localstack": "rw", "emulator": "ro", "emulator-streaming": "ro"},
    "kafka-client": {"kafka": "rw"}
    | dict.fromkeys(("topics", "rest-proxy", "connect", "connector"), "ro"),
    "connect-password": {"connect": "rw", "connector": "ro"},
    "jobs-api-token": {"databricks": "rw"} | dict.fromkeys(_AIRFLOW, "ro"),
    "postgres-password": {"postgres": "rw"} | dict.fromkeys(_AIRFLOW, "ro"),
    # Airflow's keys, and the password of its user, which the processes of one Airflow share.
    "airflow": dict.fromkeys(_AIRFLOW, "rw"),
    # With logins it holds the broker's own password, its key, and the keys of its clients.
    "kafka": {"kafka": "rw"},
}
"""Services that mount each volume with a secret, and whether they may write to it."""
NO_SECRET = {"mysql", "localstack", "jobs-api", "stream", "postgres", "emulator"}
"""Volumes without a secret."""


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    """The usual umask, with which everybody may read new files."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(folder: Path) -> dict[str, str]:
    """Files and folders in ``folder`` that another user may read, write or enter."""
    found = [folder, *folder.rglob("*")]
    return {str(path): oct(mode(path)) for path in found if mode(path) & run_folder.OTHERS}


def test_a_secret_is_mounted_by_those_that_need_it_alone() -> None:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    mounts: dict[str, dict[str, str]] = {name: {} for name in document["volumes"]}
    for service, body in document["services"].items():
        for volume in body.get("volumes", []):
            name, _, rest = volume.partition(":")
            if rest:  # a volume without a name ends with its container
                mounts[name][service] = "ro" if rest.endswith(":ro") else "rw"
    assert set(mounts) == set(SECRETS) | NO_SECRET
    assert {name: mounts[name] for name in SECRETS} == SECRETS


def keep(file: Path, *arguments: str) -> str:
    """Call ``keep_secret``; return the contents of the file."""
    script = 'source services/secret.sh; keep_secret "$@"'
    command = ["bash", "-euc", script, "bash", str(file), *arguments]
    subprocess.run(command, cwd=ROOT, check=True, timeout=10)
    return file.read_text()


def test_a_secret_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "token"
    made = keep(file)
    assert len(made) > 40
    assert mode(file) == 0o600
    file.chmod(0o444)  # as an older version left it
    assert keep(file) == made
    assert mode(file) == 0o600
    assert keep(file, "given") == "given\n"
    assert mode(file) == 0o600


@pytest.mark.parametrize("content", [b"", b"\n", b"\0" * 45, b"abc\0\0\n"])
def test_a_damaged_secret_is_put_aside_and_made_again(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    assert len(keep(file)) > 40
    assert file.with_name("token.damaged").read_bytes() == content
    assert f"{file} was damaged: it is now {file}.damaged" in capfd.readouterr().err


def test_a_damaged_secret_that_data_was_made_with_is_an_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """As that of Postgres, which stores only a hash of it."""
    file, data = tmp_path / "password", tmp_path / "data"
    made = keep(file, "", "600", str(data))
    data.mkdir()
    assert keep(file, "", "600", str(data)) == made
    for damage in (lambda: file.write_text(""), file.unlink):
        damage()
        with pytest.raises(subprocess.CalledProcessError):
            keep(file, "", "600", str(data))
        assert f"{file} is missing or damaged, and {data} was made" in capfd.readouterr().err


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"admin": ', "null"])
def test_a_damaged_password_of_airflow_is_named(content: str) -> None:
    class Files:
        def read(self, service: str, path: str) -> str:
            return content

    with pytest.raises(HopError, match="generated is damaged, and a restart of airflow-api-server"):
        airflow.password(Files())


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"a\0", b"x" * 70_000])
def test_a_file_without_a_secret_is_an_error_of_its_variable(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(SettingError, match=r"A_TOKEN_FILE is '.*token'"):
        secret("A_TOKEN_FILE", str(file))


def test_a_damaged_mark_of_logins_still_requires_them(tmp_path: Path) -> None:
    logins.remember(tmp_path, {})
    (tmp_path / ".run/kafka_auth").write_bytes(b"\0")
    assert logins.added(tmp_path, {})["KAFKA_AUTH"] == "iam"


def test_a_secret_for_another_container_is_readable_there(tmp_path: Path) -> None:
    file = tmp_path / "password"
    made = keep(file, "", "444")
    assert mode(file) == 0o444
    assert keep(file, "", "444") == made


def test_what_a_service_writes_is_for_its_owner_alone(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    script = f"echo output; mkdir -p '{run_dir}/data/own'; echo secret >'{run_dir}/data/own/file'"
    process = Processes(run_dir).spawn("s", ["bash", "-c", script], {}, tmp_path)
    assert process.wait(10) == 0
    assert (run_dir / "logs/s.log").read_text() == "output\n"
    assert (run_dir / "data/own/file").is_file()
    assert mode(run_dir / "state") == 0o700
    assert open_to_others(run_dir / "logs") | open_to_others(run_dir / "data") == {}


def test_the_run_folder_of_an_older_version_is_closed(tmp_path: Path) -> None:
    token = tmp_path / "run/data/jobs_api_token/token"
    log = tmp_path / "run/logs/airflow-api-server.log"
    for file, was in ((token, 0o444), (log, 0o644)):
        file.parent.mkdir(parents=True)
        file.write_text("secret")
        file.chmod(was)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not ours")
    token.with_name("link").symlink_to(elsewhere)
    Processes(tmp_path / "run").spawn("s", ["true"], dict(os.environ), tmp_path).wait(10)
    assert mode(tmp_path / "run") == 0o700
    assert (mode(token), mode(log)) == (0o400, 0o600)
    assert mode(elsewhere) == 0o644


def test_a_folder_that_holds_other_things_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    mine = tmp_path / "letter"
    mine.write_text("mine")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/password").write_text("secret")
    Processes(tmp_path).spawn("s", ["true"], dict(os.environ), tmp_path).wait(10)
    assert (mode(tmp_path), mode(mine)) == (0o755, 0o644)
    assert mode(tmp_path / "data") == mode(tmp_path / "logs") == mode(tmp_path / "state") == 0o700
    assert mode(tmp_path / "data/password") == 0o600


def test_what_is_copied_out_of_a_container_is_for_its_owner_alone(tmp_path: Path) -> None:
    docker = tmp_path / "bin/docker"  # a stand-in for an engine with a running broker
    docker.parent.mkdir()
    docker.write_text('#!/bin/sh\necho "content of ${9}"\n')
    docker.chmod(0o755)
    given = {
        "PATH": f"{docker.parent}:{os.defpath}",
        "RUN_DIR": str(tmp_path / "run"),
        "KAFKA_AUTH": "scram",
        "SOURCE_DATABASE_URL": "sqlite://",
    }
    client = DockerEngine(ROOT, given).client_environment
    for name in ("KAFKA_CA_FILE", "KAFKA_SCRAM_PASSWORD_FILE"):
        assert Path(client[name]).read_text().startswith("content of")
    assert open_to_others(tmp_path / "run") == {}
