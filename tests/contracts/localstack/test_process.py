"""LocalStack as a process: its address, its look-ups, its files, and its restart."""

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from botocore.exceptions import BotoCoreError, ClientError

from contract import names
from contract.entities import ENTITIES, PIN
from tests.support.localstack import PYTHON, ROOT, USER_ID, LocalStack, everything, made_stream
from tests.support.waiting import wait_for

STACK = f"pinterest-data-pipeline-{USER_ID}"


def listening(port: int) -> bool:
    """Whether something listens on ``port``."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def streams(localstack: LocalStack, http: requests.Session) -> set[str]:
    return set(http.get(f"{localstack.api}/streams", timeout=30).json()["StreamNames"])


@pytest.fixture(scope="module")
def second(
    localstack: LocalStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalStack]:
    made = LocalStack(tmp_path_factory.mktemp("second"), localstack.upstream)
    yield made
    if made.running:
        made.kill()


@pytest.fixture
def another(second: LocalStack) -> LocalStack:
    """A second LocalStack, which the test may end."""
    if not second.running:
        second.start()
    return second


def test_it_listens_on_loopback_only(localstack: LocalStack) -> None:
    sockets = [
        connection
        for process in localstack.tree()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN or connection.type == socket.SOCK_DGRAM
    ]
    assert {(found.laddr.ip, found.laddr.port) for found in sockets} == {
        ("127.0.0.1", localstack.gateway_port),
        ("127.0.0.1", localstack.kinesis_port),
    }


def test_it_contacts_no_outside_address(localstack: LocalStack, http: requests.Session) -> None:
    streams(localstack, http)
    with pytest.raises(ClientError):
        localstack.client("kafka").list_clusters_v2()  # a service that this edition lacks
    assert set(localstack.audit_log.read_text().splitlines()) == {"audited"}


def test_it_writes_below_its_own_folder_only(localstack: LocalStack) -> None:
    data = localstack.folder / "run/data/localstack"
    assert data.is_dir()
    for name in ("home", "tmp"):
        assert list((localstack.folder / name).iterdir()) == []
    written = {
        Path(opened.path)
        for process in localstack.tree()
        for opened in process.open_files()
        if "w" in opened.mode or "a" in opened.mode or "+" in opened.mode
    }
    of_the_test = {localstack.log, localstack.audit_log}
    assert [path for path in written - of_the_test if not path.is_relative_to(data)] == []


def deploy(localstack: LocalStack, **changed: str) -> None:
    """Run the step of ready.d by hand."""
    environment = {
        **os.environ,
        **localstack.environment,
        "PYTHONPATH": str(ROOT),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        **changed,
    }
    del environment["AWS_ENDPOINT_URL"], environment["HTTP_PROXY"]
    subprocess.run(
        [PYTHON, "localstack/deploy.py"], cwd=ROOT, env=environment, check=True, timeout=120
    )


def stack(localstack: LocalStack) -> Any:
    """CloudFormation's description of the deployed stack."""
    client = localstack.client("cloudformation")
    (found,) = client.describe_stacks(StackName=STACK)["Stacks"]
    client.close()
    assert found["StackStatus"] == "CREATE_COMPLETE"
    return found


def created(localstack: LocalStack) -> Any:
    """The creation time of the stack."""
    return stack(localstack)["CreationTime"]


def test_deploying_again_changes_nothing(localstack: LocalStack, s3: Any) -> None:
    before = created(localstack)
    s3.put_object(Bucket=names.bucket(USER_ID), Key="kept", Body=b"1")
    deploy(localstack)
    assert created(localstack) == before
    s3.head_object(Bucket=names.bucket(USER_ID), Key="kept")


def test_further_streams_are_deployed(another: LocalStack, http: requests.Session) -> None:
    kinesis = another.client("kinesis")
    pin = names.stream(USER_ID, PIN)
    further = {"KINESIS_STREAMS": f"all.posts,{pin}"}
    missing = another.health(**further)
    assert (missing.returncode, missing.stderr.strip()) == (1, "localstack: no stream all.posts")
    deploy(another, **further)
    deploy(another, **further)
    assert another.health(**further).returncode == 0
    url, body = f"{another.api}/streams/all.posts/record", {"Data": {"a": 1}, "PartitionKey": "1"}
    http.put(url, json=body, timeout=30).raise_for_status()
    assert [record["Data"] for record in everything(kinesis, "all.posts")] == [b'{"a":1}']
    deploy(another)  # without the name, nothing is deleted
    assert "all.posts" in streams(another, http)
    kinesis.delete_stream(StreamName="all.posts")
    kinesis.close()


def test_a_changed_parameter_is_deployed(another: LocalStack, http: requests.Session) -> None:
    before = created(another)
    deploy(another, STAGE_NAME="other")
    assert created(another) > before
    assert http.get(f"{another.api}/streams", timeout=30).status_code == 404
    assert http.get(f"{another.api[:-3]}other/streams", timeout=30).status_code == 200
    deploy(another)


def test_objects_and_streams_outlive_a_kill_and_all_else_is_deployed_again(
    another: LocalStack, http: requests.Session
) -> None:
    kinesis, s3, pin = another.client("kinesis"), another.client("s3"), names.stream(USER_ID, PIN)
    url, body = f"{another.api}/streams/{pin}/record", {"Data": {"a": 1}, "PartitionKey": "1"}
    http.put(url, json=body, timeout=30).raise_for_status()
    kinesis.create_stream(StreamName="streaming-kept", ShardCount=1)
    records = everything(kinesis, pin)
    bucket = {"Bucket": names.bucket(USER_ID)}
    large = os.urandom(2_000_000)
    put = s3.put_object(**bucket, Key="large", Body=large, Metadata={"next-offset": "7"})
    s3.put_object(**bucket, Key="twice", Body=b"before")
    s3.put_object(**bucket, Key="twice", Body=b"after")
    s3.put_object(**bucket, Key="deleted", Body=b"x")
    s3.delete_object(**bucket, Key="deleted")
    upload = s3.create_multipart_upload(**bucket, Key="in/two parts")["UploadId"]
    part = {**bucket, "Key": "in/two parts", "UploadId": upload}
    etags = [
        s3.upload_part(**part, PartNumber=number, Body=body)["ETag"]
        for number, body in ((1, b"a" * 5 * 1024 * 1024), (2, b"b"))
    ]
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": parts})
    listed = s3.list_objects_v2(**bucket)["Contents"]
    children = another.tree()[1:]
    assert [child.name() for child in children] == ["node"]

    another.kill()
    wait_for("no child", lambda: not any(child.is_running() for child in children))
    assert not listening(another.kinesis_port)
    health = another.health()
    assert (health.returncode, len(health.stderr.splitlines())) == (1, 1)
    assert "does not answer" in health.stderr
    (half_written,) = another.folder.glob(f"run/data/localstack/s3/{bucket['Bucket']}")
    (half_written / "0123.new").write_bytes(b"cut off")

    another.start()
    ours = {names.stream(USER_ID, entity) for entity in ENTITIES}
    assert streams(another, http) == ours | {"streaming-kept"}
    kinesis.delete_stream(StreamName="streaming-kept")
    assert everything(kinesis, pin) == records
    http.put(url, json=body, timeout=30).raise_for_status()
    assert [record["Data"] for record in everything(kinesis, pin)] == [
        *(record["Data"] for record in records),
        b'{"a":1}',
    ]
    assert s3.list_objects_v2(**bucket)["Contents"] == listed
    assert [item["Key"] for item in listed] == ["in/two parts", "large", "twice"]
    got = s3.get_object(**bucket, Key="large")
    assert (got["Body"].read(), got["ETag"]) == (large, put["ETag"])
    assert got["Metadata"] == {"next-offset": "7"}
    tail = s3.get_object(**bucket, Key="in/two parts", Range="bytes=-4")
    assert tail["Body"].read() == b"aaab"
    assert s3.get_object(**bucket, Key="twice")["Body"].read() == b"after"
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(**bucket, Key="twice", Body=b"", IfNoneMatch="*")
    for client in (kinesis, s3):
        client.close()


def test_each_account_has_its_own_records(another: LocalStack) -> None:
    accounts = {"test": "000000000000", "111111111111": "111111111111"}  # of these access keys
    clients = {key: another.client("kinesis", key) for key in accounts}
    with contextlib.ExitStack() as made:
        for key, client in clients.items():
            made.callback(client.close)
            made.enter_context(made_stream(client, "streaming-both"))
            client.put_record(StreamName="streaming-both", Data=key.encode(), PartitionKey="k")
            arn = f"arn:aws:kinesis:us-east-1:{accounts[key]}:stream/streaming-both"
            entry = {"Data": accounts[key].encode(), "PartitionKey": "k"}
            client.put_records(StreamARN=arn, Records=[entry])
        for key, client in clients.items():
            found = [record["Data"].decode() for record in everything(client, "streaming-both")]
            assert found == [key, accounts[key]]


def test_before_the_template_is_deployed_the_api_and_s3_answer_503(
    another: LocalStack, http: requests.Session
) -> None:
    another.kill()
    answers, of_s3 = set(), set()
    s3, bucket = another.client("s3"), names.bucket(USER_ID)
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(another.start)
        while not started.done():
            with contextlib.suppress(requests.ConnectionError, BotoCoreError):
                answers.add(http.get(f"{another.api}/streams", timeout=30).status_code)
                try:
                    of_s3.add(s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"])
                except ClientError as error:
                    of_s3.add(error.response["ResponseMetadata"]["HTTPStatusCode"])
            wait([started], 0.02)
        started.result()
    s3.close()
    for found in (answers, of_s3):
        assert 503 in found
        assert found <= {503, 200}


def test_a_damaged_object_fails_by_name_and_the_others_are_served(another: LocalStack) -> None:
    s3, bucket = another.client("s3"), {"Bucket": names.bucket(USER_ID)}
    damaged = {"damaged/empty": 0, "damaged/header": 20, "damaged/body": -3}
    for key in (*damaged, "damaged/neighbour"):
        s3.put_object(**bucket, Key=key, Body=b"acknowledged")
    another.kill()
    folder = another.folder / "run/data/localstack/s3" / bucket["Bucket"]
    for key, size in damaged.items():
        path = folder / sha256(key.encode()).hexdigest()
        os.truncate(path, size if size >= 0 else path.stat().st_size + size)
    another.start()

    listed = s3.list_objects_v2(**bucket, Prefix="damaged/")["Contents"]
    assert [item["Key"] for item in listed] == ["damaged/body", "damaged/neighbour"]
    got = s3.get_object(**bucket, Key="damaged/neighbour")["Body"].read()
    assert got == b"acknowledged"
    log = another.log.read_text()
    for key in damaged:
        reason = f"InternalError.*{key} is damaged.*write it again, or delete it"
        with pytest.raises(ClientError, match=reason):
            s3.get_object(**bucket, Key=key)
        with pytest.raises(ClientError, match=reason):  # of a writer that must not replace it
            s3.put_object(**bucket, Key=key, Body=b"", IfNoneMatch="*")
        assert f"{sha256(key.encode()).hexdigest()} is damaged" in log
    s3.delete_object(**bucket, Key="damaged/header")
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(**bucket, Key="damaged/header")
    for key in ("damaged/empty", "damaged/body"):
        s3.put_object(**bucket, Key=key, Body=b"again")
        assert s3.get_object(**bucket, Key=key)["Body"].read() == b"again"
    s3.close()


@pytest.mark.slow
def test_with_damaged_streams_the_rest_is_served(
    another: LocalStack, http: requests.Session
) -> None:
    another.kill()
    (manifest,) = another.folder.glob("run/data/localstack/kinesis/000000000000/MANIFEST-*")
    content = manifest.read_bytes()
    manifest.write_bytes(b"damaged")
    another.launch()
    reason = "the database of the streams cannot be opened"
    another.wait("the reason", lambda: reason in another.health().stderr, 90)
    s3 = another.client("s3")
    s3.head_bucket(Bucket=names.bucket(USER_ID))
    s3.close()
    assert http.get(f"{another.api}/topics", timeout=30).status_code == 200
    manifest.write_bytes(content)
    another.wait("its streams", lambda: another.health().returncode == 0, 30)


def test_it_ends_when_its_engine_ends(another: LocalStack) -> None:
    """Both are started again together, whoever starts them."""
    (engine,) = another.tree()[1:]
    engine.kill()
    assert another.process is not None
    assert another.process.wait(30) == 1
    assert "kinesalite ended" in another.log.read_text()


def test_the_outputs_of_the_stack_have_what_a_client_needs(localstack: LocalStack) -> None:
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack(localstack)["Outputs"]}
    arn = "arn:aws:kinesis:us-east-1:000000000000:stream"
    assert outputs["BucketName"] == names.bucket(USER_ID)
    assert outputs["RestApiId"] == names.rest_api_id(USER_ID)
    for entity in ENTITIES:
        title, stream = entity.name.title(), names.stream(USER_ID, entity)
        assert outputs[f"{title}StreamName"] == stream
        assert outputs[f"{title}StreamArn"] == f"{arn}/{stream}"
        assert outputs[f"{title}Topic"] == names.topic(USER_ID, entity)


def test_an_object_put_while_a_bucket_is_loaded_is_stored(another: LocalStack) -> None:
    """As from the sink: a failed request is repeated, and an acknowledged one never."""
    bucket, s3 = {"Bucket": names.bucket(USER_ID)}, another.client("s3")
    before = [f"before/{number}" for number in range(500)]
    for key in before:  # so that loading takes a while
        s3.put_object(**bucket, Key=key, Body=b"x")
    another.kill()

    taken: list[str] = []
    ended = threading.Event()

    def put() -> None:
        while not ended.is_set():
            with contextlib.suppress(ClientError, BotoCoreError):
                key = f"after/{len(taken)}"
                s3.put_object(**bucket, Key=key, Body=b"x")
                taken.append(key)

    sender = threading.Thread(target=put)
    sender.start()
    try:
        another.start()
        wait_for("a hundred objects", lambda: len(taken) >= 100)
    finally:
        ended.set()
        sender.join(60)
    pages = s3.get_paginator("list_objects_v2").paginate(**bucket)
    found = {item["Key"] for page in pages for item in page["Contents"]}
    assert {*before, *taken} - found == set()
    s3.close()
