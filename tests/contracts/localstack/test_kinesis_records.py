"""Calls of Kinesis that carry records: passed to the engine and back unchanged."""

import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.localstack import LocalStack, everything, made_stream
from tests.support.waiting import wait_for

STREAM = "streaming-straight"


@pytest.fixture
def client(kinesis: Any) -> Iterator[Any]:
    """A client, while a stream of the test exists."""
    with made_stream(kinesis, STREAM):
        yield kinesis


def test_each_of_many_concurrent_clients_gets_its_own_response(client: Any) -> None:
    bodies = [os.urandom(1 << number % 18) for number in range(300)]

    def put(number: int) -> str:
        response = client.put_record(
            StreamName=STREAM, Data=bodies[number], PartitionKey=str(number)
        )
        return str(response["SequenceNumber"])

    with ThreadPoolExecutor(10) as pool:  # as many connections as a client of boto3 has
        sequences = list(pool.map(put, range(len(bodies))))
    stored = {record["SequenceNumber"]: record for record in everything(client, STREAM)}
    assert len(stored) == len(bodies)
    for number, sequence in enumerate(sequences):
        assert stored[sequence]["PartitionKey"] == str(number)
        assert stored[sequence]["Data"] == bodies[number]


def test_an_error_is_the_one_of_kinesis(client: Any) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="streaming-none"):
        client.put_record(StreamName="streaming-none", Data=b"1", PartitionKey="k")
    with pytest.raises(client.exceptions.InvalidArgumentException):
        client.get_records(ShardIterator="none")
    with pytest.raises(ClientError, match="ValidationException"):
        client.put_records(StreamName=STREAM, Records=[{"Data": b"1", "PartitionKey": "k"}] * 501)
    assert everything(client, STREAM) == []


def test_a_client_that_disconnects_during_its_call_harms_no_other(
    localstack: LocalStack, client: Any
) -> None:
    head = (
        f"POST / HTTP/1.1\r\nHost: localhost:{localstack.gateway_port}\r\n"
        "X-Amz-Target: Kinesis_20131202.PutRecord\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request,"
        " SignedHeaders=host, Signature=0\r\nX-Amz-Date: 20260101T000000Z\r\n"
        "Content-Type: application/x-amz-json-1.1\r\n"
    )
    body = json.dumps({"StreamName": STREAM, "Data": "MQ==", "PartitionKey": "k"})
    for sent in (body[:20], body):  # in the middle of the request, and before the response
        with socket.create_connection(("127.0.0.1", localstack.gateway_port), 10) as gone:
            gone.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{sent}".encode())
    wait_for("the record that was sent whole", lambda: len(everything(client, STREAM)) == 1)
    client.put_record(StreamName=STREAM, Data=b"2", PartitionKey="k")
    assert [record["Data"] for record in everything(client, STREAM)] == [b"1", b"2"]
