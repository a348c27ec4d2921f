"""`make test-e2e TARGET=aws` on LocalStack, by the variables of the environment only."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from dotenv import dotenv_values

from hops.access import Access
from tests.conftest import Stack
from tests.support import ROOT
from tests.support.e2e import here
from tests.support.e2e.footprint import Footprint
from tests.support.e2e.target import Target

EXAMPLE = dotenv_values(ROOT / ".env.aws.example")
LIMIT = 400


def everything(access: Access) -> set[str]:
    """Every topic, stream and object of the deployment."""
    topics = AdminClient(access.kafka).list_topics(timeout=30).topics
    streams = access.kinesis.get_paginator("list_streams").paginate()
    bucket = access.settings.bucket
    objects = access.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {
        *topics,
        *(name for page in streams for name in page["StreamNames"]),
        *(item["Key"] for page in objects for item in page.get("Contents", ())),
    }


@pytest.mark.once
@pytest.mark.timeout(LIMIT + 100)
def test_the_suite_passes_and_removes_its_own_things_only(stack: Stack, tmp_path: Path) -> None:
    variables = here.variables(stack)
    # Another run at the same time, whose user id has the same prefix.
    neighbour = Target(variables, "e2e00c0ffee", 1, tmp_path)
    footprint = Footprint(neighbour)
    try:
        footprint.make()
        neighbour.emulate("user_posting_emulation", "--count", "1")
        made = len(footprint.topics) + len(footprint.streams)
        neighbour.wait("three objects", lambda: len(footprint.left()) == made + 3, 60)
        bucket, tables = footprint.folders[-1]
        neighbour.access.s3.put_object(
            Bucket=bucket, Key=f"{tables}batch/a_table/_delta_log/0.json"
        )
        before = everything(neighbour.access)

        own = {name: variables.get(name, "") for name in EXAMPLE}
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                *["pytest", "tests/e2e", "--target", "aws", "-p", "no:cacheprovider"],
            ],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **own},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        assert re.fullmatch(r"=+ \d\d passed in .*", done.stdout.splitlines()[-1])
        (run,) = set(re.findall(r"names of this run have (e2e\w{8}) after", done.stdout))

        left = everything(neighbour.access)
        assert before - left == set()
        assert [name for name in left if run in name] == []
        assert len(footprint.left()) == made + 4
    finally:
        footprint.remove()
    assert footprint.left() == []

    assert stack.sink_states() == {"RUNNING"}
