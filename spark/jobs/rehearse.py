"""Runs the batch job and the quality gate over example records, for install.sh's class archive.

It requires DELTA_ROOT, a scratch folder, and an AWS_ENDPOINT_URL where nothing listens: S3A's
classes are loaded although its first request fails.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path

from pyspark.sql import SparkSession

from contract.entities import ENTITIES, Entity, Kind
from contract.names import TOPICS_DIR, object_key, topic
from contract.settings import Settings
from spark.jobs import check_quality, run_batch

VALUES = {
    Kind.INTEGER: 1,
    Kind.NUMBER: 1.5,
    Kind.TEXT: "1k",
    Kind.TIMESTAMP: "2020-08-28T03:52:47",
}


def main() -> int:
    """Run the job twice, the second time with a changed record, the gate, and a request to S3."""
    settings = Settings.from_environ()
    scratch = Path(settings.delta_root)
    for offset, text in enumerate(("1k", "2k")):
        for entity in ENTITIES:
            key = object_key(topic(settings.user_id, entity), 0, offset * 2)
            path = scratch / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(_row(entity, text)) + "\nnot JSON\n", encoding="utf-8")
        if run_batch.main(["--objects", str(scratch / TOPICS_DIR), "--json"]) != 0:
            return 1
    # The result of the gate does not matter here.
    check_quality.main(["--objects", str(scratch / TOPICS_DIR), "--json"])
    with suppress(Exception):  # the request always fails: nothing listens there
        SparkSession.builder.getOrCreate().read.text(f"s3://{settings.bucket}/none").collect()
    return 0


def _row(entity: Entity, text: str) -> dict[str, object]:
    return {c.name: text if c.kind is Kind.TEXT else VALUES[c.kind] for c in entity.columns}


if __name__ == "__main__":
    sys.exit(main())
