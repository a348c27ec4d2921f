"""Builds the artefacts for AWS and Databricks and writes them to dist/.

The same sources and settings give the same bytes.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from contract.settings import Settings
from pinpipe.deploy import mwaa, wheel
from pinpipe.deploy.msk_connect import MskConnect


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file of dist/.

    Args:
        path: relative to dist/, with slashes.
        purpose: the service that takes it, and what for.
        content: its bytes.
    """

    path: str
    purpose: str
    content: bytes


Builder = Callable[[Path, Mapping[str, str]], list[Artefact]]
"""Builds the artefacts of one folder of dist/ from the project's root and the variables."""


def _json(document: Any) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def cloudformation(root: Path, environment: Mapping[str, str]) -> list[Artefact]:
    """The two templates of CloudFormation; LocalStack deploys the first, too."""
    purposes = {
        "localstack/template.yaml": "bucket, Kinesis streams, API Gateway; as on LocalStack",
        "cloudformation/platform.yaml": "network, MSK, MSK Connect, MWAA, RDS, roles",
    }
    return [
        Artefact(
            f"cloudformation/{Path(path).name}",
            f"CloudFormation: {purpose}",
            (root / path).read_bytes(),
        )
        for path, purpose in purposes.items()
    ]


def msk_connect(root: Path, environment: Mapping[str, str]) -> list[Artefact]:
    """The S3 sink for MSK Connect, and the requests that create its connector."""
    connect = MskConnect(root, environment)
    ours, theirs = connect.connector, connect.confluent_connector
    documents = {
        "connector": ("MSK Connect: the connector's configuration, as on this machine", ours),
        "confluent-connector": ("the same for Confluent's S3 sink connector", theirs),
    }
    for name, request in connect.requests.items():
        documents[name] = (f"MSK Connect: aws kafkaconnect {name}", request)
    worker, properties = "MSK Connect: the worker configuration", connect.worker_properties
    return [
        Artefact(connect.plugin_key, "MSK Connect: the S3 sink, a custom plugin", connect.plugin),
        Artefact("msk-connect/worker.properties", worker, properties),
        *(
            Artefact(f"msk-connect/{name}.json", purpose, _json(document))
            for name, (purpose, document) in documents.items()
        ),
    ]


def mwaa_bucket(root: Path, environment: Mapping[str, str]) -> list[Artefact]:
    """The contents of MWAA's bucket."""
    purposes = {
        "requirements.txt": "MWAA: requirements, with the constraint in dags/",
        "plugins.zip": "MWAA: the plug-ins that the DAGs import",
        "startup.sh": "MWAA: the start-up script, with the user id and the jobs' wheel",
    }
    files = mwaa.bucket_files(root, Settings.from_environ(environment).user_id)
    return [
        Artefact(f"mwaa/{key}", purposes.get(key, "MWAA: the DAG folder"), content)
        for key, content in files.items()
    ]


def databricks(root: Path, environment: Mapping[str, str]) -> list[Artefact]:
    """The wheel that ``spark/databricks.yml`` deploys."""
    purpose = "Databricks: the modules that the jobs of spark/databricks.yml import"
    with TemporaryDirectory() as folder:
        made = wheel.build(root, Path(folder))
        return [Artefact(f"{wheel.FOLDER}/{made.name}", purpose, made.read_bytes())]


BUILDERS: tuple[Builder, ...] = (cloudformation, msk_connect, mwaa_bucket, databricks)
"""Each builds a folder of dist/ of its own."""


def artefacts(root: Path, environment: Mapping[str, str]) -> list[Artefact]:
    """Build everything, for the settings in ``environment``.

    Raises:
        SettingError: a variable has an invalid value.
        PackageError: an artefact can't be built, or needs a file that isn't built yet.
    """
    return [artefact for build in BUILDERS for artefact in build(root, environment)]


def write(built: Sequence[Artefact], dist: Path) -> None:
    """Write the artefacts and remove all other files from their folders of ``dist``.

    Other folders of ``dist`` stay unchanged.
    """
    for folder in {artefact.path.partition("/")[0] for artefact in built}:
        shutil.rmtree(dist / folder, ignore_errors=True)
    for artefact in built:
        path = dist / artefact.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(artefact.content)
