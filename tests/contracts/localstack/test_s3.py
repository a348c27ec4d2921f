"""The features of S3 that the S3 sink, Spark and Delta need."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from contract import names
from tests.support.localstack import USER_ID

BUCKET = names.bucket(USER_ID)
TOPIC = f"{USER_ID}.pin"


def test_the_bucket_has_the_settings_of_the_template(s3: Any) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=BUCKET)
    encryption = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]
    (rule,) = encryption["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    blocked = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert all(blocked.values())


def test_an_object_is_put_once(s3: Any) -> None:
    """The sink's fence against a zombie task: of two writers of one object, S3 rejects one."""
    key = names.object_key(TOPIC, 0, 0)
    s3.put_object(
        Bucket=BUCKET, Key=key, Body=b"first\n", Metadata={"next-offset": "1"}, IfNoneMatch="*"
    )
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"second\n", IfNoneMatch="*")
    got = s3.get_object(Bucket=BUCKET, Key=key)
    assert (got["Body"].read(), got["Metadata"]) == (b"first\n", {"next-offset": "1"})
    assert s3.head_object(Bucket=BUCKET, Key=key)["Metadata"] == {"next-offset": "1"}


def test_listing_goes_on_after_a_key(s3: Any) -> None:
    keys = [names.object_key(TOPIC, 1, offset) for offset in range(0, 1_000, 100)]
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}\n")
    prefix = f"{names.topic_prefix(TOPIC)}partition=1/"
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix, StartAfter=keys[3], MaxKeys=4)
    assert [item["Key"] for item in found["Contents"]] == keys[4:8]
    assert found["IsTruncated"]
    rest = s3.list_objects_v2(
        Bucket=BUCKET, Prefix=prefix, ContinuationToken=found["NextContinuationToken"]
    )
    assert [item["Key"] for item in rest["Contents"]] == keys[8:]


def test_ranges_and_deletes(s3: Any) -> None:
    key = "delta/part-00000.parquet"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"aaabcd")
    tail = s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=-4")["Body"].read()
    assert tail == b"abcd"
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key}]})
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=BUCKET, Key=key)
