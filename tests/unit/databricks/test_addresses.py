"""Addresses in S3 lose their keys, other texts stay as they are."""

import pytest

from services.databricks.runner.addresses import without_keys


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3a://KEY:SEC%2FRET@bucket/a", "s3a://bucket/a"),
        ("s3n://KEY:SEC/R+T=@bucket", "s3n://bucket"),
        ("s3://KEY@bucket/a", "s3://bucket/a"),
        (
            "LOCATION 's3a://K:S@one/a' -- and `s3a://K:S@two`",
            "LOCATION 's3a://one/a' -- and `s3a://two`",
        ),
        ("s3a://bucket/a@b", "s3a://bucket/a@b"),
        ("s3a://bucket/a:b@c", "s3a://bucket/a:b@c"),
        ("me@example.com s3a://bucket", "me@example.com s3a://bucket"),
        ("https://user:word@host/a", "https://user:word@host/a"),
    ],
)
def test_keys_are_removed(text: str, expected: str) -> None:
    assert without_keys(text) == expected
