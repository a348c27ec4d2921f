"""The artefacts of `make package`, compared with the files that run on this machine."""

import base64
import io
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from contract import names
from contract.settings import Settings
from pinpipe.deploy.archive import version, zipped
from pinpipe.deploy.artefacts import Artefact, artefacts, write
from pinpipe.deploy.errors import PackageError
from pinpipe.deploy.msk_connect import CONFLUENT, JSON_CONVERTER, MskConnect
from pinpipe.deploy.mwaa import PROFILE, bucket_files
from tests.support.bundle import Bundle


def plugin(built: dict[str, bytes]) -> bytes:
    (path,) = (path for path in built if path.endswith(".zip") and path.startswith("msk-connect/"))
    return built[path]


def test_the_same_sources_give_the_same_bytes_each_for_a_purpose(
    built: dict[str, bytes], environment: dict[str, str], root: Path
) -> None:
    found = artefacts(root, environment)
    assert [item.path for item in found] == list(built)
    assert [item.path for item in found if item.content != built[item.path]] == []
    assert [item.path for item in found if len(item.purpose) < 10 or not item.content] == []


def test_the_plugin_built_again_elsewhere_has_the_same_bytes(
    built: dict[str, bytes], root: Path, tmp_path: Path
) -> None:
    source = root / "services/connect/s3-sink"
    project = tmp_path / "another place"
    shutil.copytree(source, project, ignore=shutil.ignore_patterns("target"))
    command = ["mvn", "--batch-mode", "--quiet", "package", "-DskipTests"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert (project / "target/s3-sink.zip").read_bytes() == plugin(built)


def test_no_artefact_has_an_address_or_a_key_of_this_machine(
    root: Path, environment: dict[str, str]
) -> None:
    here = environment | {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_SECRET_ACCESS_KEY": "a-key-that-must-not-leave",
    }
    for item in artefacts(root, here):
        if not item.path.endswith((".zip", "template.yaml")):
            assert b"127.0.0.1" not in item.content, item.path
        assert b"a-key-that-must-not-leave" not in item.content, item.path


def test_the_plugin_is_the_folder_that_the_worker_here_loads(
    built: dict[str, bytes], root: Path
) -> None:
    with zipfile.ZipFile(io.BytesIO(plugin(built))) as archive:
        names_of_jars = [name for name in archive.namelist() if not name.endswith("/")]
        packed = {Path(name).name: archive.read(name) for name in names_of_jars}
    jars = (root / ".build/connect/plugins/s3-sink").glob("*.jar")
    assert packed == {jar.name: jar.read_bytes() for jar in jars}


def test_the_requests_are_about_the_files(built: dict[str, bytes]) -> None:
    custom = json.loads(built["msk-connect/create-custom-plugin.json"])
    place = custom["location"]["s3Location"]
    assert place["bucketArn"].endswith(names.artefact_bucket(Settings().user_id))
    assert built[place["fileKey"]] == plugin(built)
    assert custom["name"].endswith(version(plugin(built)))
    worker = json.loads(built["msk-connect/create-worker-configuration.json"])
    content = base64.b64decode(worker["propertiesFileContent"])
    assert content == built["msk-connect/worker.properties"]


def test_the_connector_is_the_one_that_runs_here(built: dict[str, bytes], root: Path) -> None:
    shown = subprocess.run(
        ["services/connect/connector.sh", "--print"],
        cwd=root,
        env={"PATH": f"{root / '.venv/bin'}:/usr/bin:/bin"},
        capture_output=True,
        check=True,
    ).stdout
    packed = json.loads(built["msk-connect/connector.json"])
    assert packed == json.loads(shown)
    assert list(packed) == list(json.loads((root / "services/connect/connector.json").read_text()))
    request = json.loads(built["msk-connect/create-connector.json"])
    assert request["connectorConfiguration"] == packed


def test_another_account_is_another_variable(root: Path, environment: dict[str, str]) -> None:
    given = {"USER_ID": "0e36c8cd403d", "AWS_REGION": "eu-west-1", "S3_SINK_FLUSH_SIZE": "7"}
    connect = MskConnect(root, environment | given)
    assert connect.connector["s3.bucket.name"] == "user-0e36c8cd403d-bucket"
    assert connect.connector["s3.region"] == "eu-west-1"
    assert connect.connector["flush.size"] == "7"
    assert connect.requests["create-connector"]["connectorName"].startswith("0e36c8cd403d-")


def test_the_login_at_kafka_is_that_of_msk_connect(
    root: Path, environment: dict[str, str], built: dict[str, bytes]
) -> None:
    """MSK Connect logs in with IAM by itself, so the configuration must have no login."""
    connect = MskConnect(root, environment | {"KAFKA_AUTH": "iam"})
    assert connect.connector == json.loads(built["msk-connect/connector.json"])


def test_confluents_connector_differs_in_its_classes_alone(built: dict[str, bytes]) -> None:
    ours, theirs = (
        json.loads(built[f"msk-connect/{name}.json"])
        for name in ("connector", "confluent-connector")
    )
    assert theirs.pop("connector.class") == CONFLUENT
    assert theirs.pop("value.converter") == JSON_CONVERTER
    del ours["connector.class"], ours["value.converter"]
    assert theirs == ours


def test_the_worker_here_has_that_configuration(root: Path) -> None:
    script = (root / "services/connect/run.sh").read_text()
    assert script.count("$(cat services/connect/worker.properties)") == 1
    lines = (root / "services/connect/worker.properties").read_text().splitlines()
    keys = [line.partition("=")[0] for line in lines if not line.startswith("#")]
    assert keys
    assert [key for key in keys if f"\n{key}=" in script] == []


def test_mwaas_bucket_has_what_airflow_runs_here(built: dict[str, bytes], root: Path) -> None:
    folder = root / "airflow"
    files = {
        path.removeprefix("mwaa/"): content
        for path, content in built.items()
        if path.startswith("mwaa/")
    }
    dags = {
        f"dags/{path.name}": path.read_bytes()
        for path in (folder / "dags").iterdir()
        if path.is_file()
    }
    assert set(files) == {*dags, "requirements.txt", "plugins.zip", "startup.sh"}
    assert {key: files[key] for key in dags} == dags
    assert files["requirements.txt"] == (folder / "requirements.txt").read_bytes()
    with zipfile.ZipFile(io.BytesIO(files["plugins.zip"])) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    modules = (folder / "plugins/pinterest").glob("*.py")
    assert {path.name for path in modules} == {
        Path(name).name for name in packed if name.startswith("pinterest/")
    }
    assert all((folder / "plugins" / name).read_bytes() == packed[name] for name in packed)


def resolved(built: dict[str, bytes], folder: Path, root: Path) -> subprocess.CompletedProcess[str]:
    """Resolve MWAA's requirements with uv, as pip does there, with our constraints and MWAA's own.

    uv is offline, so a package that isn't installed in the locked version can't be resolved.
    """
    constraints = folder / "constraints.txt"
    constraints.write_bytes(built["mwaa/dags/constraints.txt"])
    there = "/usr/local/airflow/dags/constraints.txt"
    requirements = folder / "requirements.txt"
    requirements.write_text(
        built["mwaa/requirements.txt"].decode().replace(there, str(constraints))
    )
    uv = root / ".build/envs/bootstrap/bin/uv"
    command = [uv, "pip", "install", "--dry-run", "--offline", "--no-cache", "--requirements"]
    command += [requirements, "--constraints", root / "requirements/mwaa.txt"]
    command += ["--python", root / ".build/envs/airflow"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_mwaas_requirements_resolve_to_its_pins(
    built: dict[str, bytes], root: Path, tmp_path: Path
) -> None:
    done = resolved(built, tmp_path, root)
    assert done.returncode == 0, done.stderr
    assert "Would make no changes" in done.stderr


@pytest.mark.parametrize("package", ["apache-airflow-providers-databricks", "greenlet"])
def test_a_requirement_off_the_pins_does_not_resolve(
    built: dict[str, bytes], root: Path, tmp_path: Path, package: str
) -> None:
    """The second isn't our requirement, but MWAA allows nobody to change its version."""
    pins = built["mwaa/dags/constraints.txt"].decode()
    assert f"\n{package}==" in pins
    broken = pins.replace(f"\n{package}==", f"\n{package}==0.")
    done = resolved(built | {"mwaa/dags/constraints.txt": broken.encode()}, tmp_path, root)
    assert done.returncode != 0
    assert package in done.stderr


def started(script: bytes) -> dict[str, str]:
    """Airflow's variables after bash has sourced a start-up script in an empty environment."""
    command = ["bash", "-euc", f"{script.decode()}\nenv"]
    done = subprocess.run(command, env={}, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("AIRFLOW_VAR_")]
    return dict(line.removeprefix("AIRFLOW_VAR_").split("=", 1) for line in lines)


def test_the_start_up_script_sets_every_variable_of_the_dags(root: Path) -> None:
    """Without the wheel a job has no `contract`, without the profile a cluster has no rights."""
    script = bucket_files(root, "0e36c8cd403d")["startup.sh"]
    (library,) = Bundle.of("prod").submitted("batch", "run_batch")["libraries"]
    assert started(script) == {
        "USER_ID": "0e36c8cd403d",
        "INSTANCE_PROFILE_ARN": PROFILE,
        "WHEEL": library["whl"],
    }
    names_py = (root / "airflow/plugins/pinterest/names.py").read_text()
    asked = set(re.findall(r'environ\.get\("AIRFLOW_VAR_(\w+)"\)', names_py))
    assert asked == set(started(script))


def test_another_wheel_stays_in_the_start_up_script(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "airflow", tmp_path / "airflow")
    shutil.copy(root / "pyproject.toml", tmp_path)
    script = tmp_path / "airflow/startup.sh"
    script.write_text(script.read_text().replace("_WHEEL:-}", "_WHEEL:-/Volumes/mine.whl}"))
    assert started(bucket_files(tmp_path, "0e36c8cd403d")["startup.sh"])["WHEEL"] == (
        "/Volumes/mine.whl"
    )
    script.write_text(script.read_text().replace("AIRFLOW_VAR_WHEEL:-", "WHEEL:-"))
    with pytest.raises(PackageError, match="AIRFLOW_VAR_WHEEL"):
        bucket_files(tmp_path, "0e36c8cd403d")


def test_a_missing_plugin_is_named(tmp_path: Path, environment: dict[str, str]) -> None:
    with pytest.raises(PackageError, match=r"s3-sink\.zip.*run services/connect/install\.sh"):
        _ = MskConnect(tmp_path, environment).plugin


def test_an_archive_depends_on_its_members_alone() -> None:
    members = {"b/2": b"two", "a": b"one"}
    archive = zipped(members)
    assert archive == zipped(dict(reversed(members.items())))
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.namelist() == ["a", "b/2"]
        assert opened.read("b/2") == b"two"


def test_dist_has_what_was_built_last_and_keeps_other_folders(tmp_path: Path) -> None:
    write(
        [Artefact("one/old", "an old file", b"1"), Artefact("two/kept", "a file", b"2")], tmp_path
    )
    write([Artefact("one/new", "a new file", b"3")], tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    found = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in files}
    assert found == {"one/new": b"3", "two/kept": b"2"}
