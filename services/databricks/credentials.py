"""The file and the table with AWS keys that a person uploads to Databricks, with the local keys.

Notebooks of this architecture read their keys from ``/FileStore/tables`` or from the table that
"Create table" makes of that file, so both are in DBFS before the first run. They have the keys of
this service alone, and only with a local endpoint. A file or a table of the user's own stays.

The table is written in the environment of the jobs, which has PyArrow:

    python -m services.databricks.credentials <folder of DBFS>
"""

import asyncio
import csv
import io
import json
import os
import shlex
import shutil
import sys
import uuid
from pathlib import Path

from contract import files
from contract.settings import Settings
from services.databricks.engine.environment import environment

FILE = "FileStore/tables/authentication_credentials.csv"
TABLE = "user/hive/warehouse/authentication_credentials"
COLUMNS = ("User name", "Password", "Access key ID", "Secret access key", "Console login link")
"""Those of the file that AWS gives for a new user."""
USER = "databricks-user"
"""The user that most notebooks look for; others look for the user id."""


async def provide(settings: Settings, dbfs: Path) -> None:
    """Write the file and the table if they are missing, or have former keys of this service."""
    text = _csv(settings)
    if text is None:
        return
    issued_file = dbfs.with_name("credentials.json")
    issued = _issued(issued_file)
    identity = _identity(text)
    outdated = (None, *(item for item in issued if item != identity))
    # First, so that an interrupted start leaves nothing that looks like the user's.
    files.replace(issued_file, json.dumps([*(i for i in issued if i != identity), identity]))
    if _of_file(dbfs / FILE) in outdated:
        files.replace(dbfs / FILE, text)
    if _of_table(dbfs / TABLE) in outdated:
        command = (*shlex.split(settings.databricks_command), __name__, str(dbfs.resolve()))
        writer = await asyncio.create_subprocess_exec(*command, env=environment(settings, {}))
        if await writer.wait():
            sys.stderr.write(f"dbfs:/{TABLE} can't be written\n")


def write_table(table: Path, text: str) -> None:
    """Write the table: one file, and a log of one commit.

    Delta allows spaces in names of columns only with a mapping, which here maps each to itself.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = list(csv.DictReader(io.StringIO(text)))
    columns = {name: pa.array([row[name] or None for row in rows]) for name in COLUMNS}
    new = table.with_name(f".{table.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    (new / "_delta_log").mkdir(parents=True)
    types = pa.schema([(name, pa.string()) for name in columns])
    pq.write_table(pa.table(columns, types), new / "part-0.parquet")
    written = (new / "part-0.parquet").stat()
    mapping = "delta.columnMapping."
    fields = [
        {
            "name": name,
            "type": "string",
            "nullable": True,
            "metadata": {f"{mapping}id": place, f"{mapping}physicalName": name},
        }
        for place, name in enumerate(COLUMNS, 1)
    ]
    actions = (
        {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}},
        {
            "metaData": {
                "id": _identity(text),
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": fields}),
                "partitionColumns": [],
                "configuration": {
                    f"{mapping}mode": "name",
                    f"{mapping}maxColumnId": str(len(fields)),
                },
            }
        },
        {
            "add": {
                "path": "part-0.parquet",
                "partitionValues": {},
                "size": written.st_size,
                "modificationTime": int(written.st_mtime * 1000),
                "dataChange": True,
                "stats": json.dumps({"numRecords": len(rows)}),
            }
        },
    )
    log = "".join(f"{json.dumps(action)}\n" for action in actions)
    (new / "_delta_log" / f"{0:020}.json").write_text(log)
    shutil.rmtree(table, ignore_errors=True)
    new.rename(table)


def _csv(settings: Settings) -> str | None:
    """The content of the file; none on AWS, whose keys belong in no file."""
    # Settings have no keys, since the AWS SDKs read them themselves.
    key, secret = (os.environ.get(f"AWS_{name}") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
    if not (settings.aws_endpoint_url and key and secret):
        return None
    text = io.StringIO()
    rows = ((user, "", key, secret, "") for user in (USER, settings.user_id))
    csv.writer(text, lineterminator="\n").writerows((COLUMNS, *rows))
    return text.getvalue()


def _issued(file: Path) -> list[str]:
    """The identities of former keys; of a damaged file none, so that such keys stay in DBFS."""
    try:
        return list(json.loads(file.read_bytes())) if file.exists() else []
    except (ValueError, TypeError) as error:
        print(f"{file} is damaged ({error}): now {files.put_aside(file)}", file=sys.stderr)
        return []


def _identity(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, text))


def _of_file(file: Path) -> str | None:
    return _identity(file.read_text(errors="replace")) if file.exists() else None


def _of_table(table: Path) -> str | None:
    """Its id; none for a table that does not exist, empty for one that has changed since."""
    if not table.exists():
        return None
    commits = sorted((table / "_delta_log").glob("*.json"))
    if len(commits) != 1:
        return ""
    try:
        actions = [json.loads(line) for line in commits[0].read_text().splitlines()]
        return str(next((item["metaData"]["id"] for item in actions if "metaData" in item), ""))
    except (OSError, ValueError, LookupError, TypeError) as error:
        print(f"dbfs:/{TABLE} is damaged ({error!r}): remove its folder", file=sys.stderr)
        return ""


if __name__ == "__main__":
    if (content := _csv(Settings.from_environ())) is not None:
        write_table(Path(sys.argv[1]) / TABLE, content)
