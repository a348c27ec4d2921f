"""The values of each option, the refusal of wrong ones, and the form of offsets."""

import re
from dataclasses import astuple
from types import MappingProxyType
from typing import Any

import pytest

from contract.settings import Settings
from spark.pipeline.errors import OptionError
from spark.pipeline.sources import kinesis
from spark.pipeline.sources.kinesis.offsets import Offset, Range, ShardName
from spark.pipeline.sources.kinesis.options import DATABRICKS_ALONE, TABLE, KinesisOptions, ignored
from spark.pipeline.sources.kinesis.source import KinesisDataSource

ARN = "arn:aws:kinesis:eu-west-1:000000000000:stream/"
NOWHERE = Settings.from_environ({})


def parse(streamName: str | None = "posts", **given: str) -> KinesisOptions:
    named = {} if streamName is None else {"streamName": streamName}
    return KinesisOptions.parse({**named, **given}, NOWHERE)


def test_defaults() -> None:
    options = parse()
    assert options.streams == ("posts",)
    assert (options.region, options.endpoint) == ("us-east-1", None)
    assert options.position == "LATEST"
    assert (options.fetch_records, options.fetch_period, options.listing) == (10_000, 0.4, 1.0)
    assert options.fail_on_data_loss


def test_defaults_of_a_job_apply_to_options_that_a_query_does_not_set() -> None:
    class Lenient(KinesisDataSource):
        defaults = MappingProxyType({"failOnDataLoss": "false"})

    def loss(**given: str) -> bool:
        return Lenient({"streamName": "posts", **given}).parsed().fail_on_data_loss

    assert not loss()
    assert loss(failondataloss="true")


def test_settings_are_the_defaults_of_region_and_endpoint() -> None:
    settings = Settings.from_environ(
        {"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}
    )
    options = KinesisOptions.parse({"streamName": "posts"}, settings)
    assert (options.region, options.endpoint) == ("eu-west-1", "http://127.0.0.1:4566")
    given = {"streamName": "posts", "region": "eu-north-1", "endpoint": "https://kinesis.test/"}
    options = KinesisOptions.parse(given, settings)
    assert (options.region, options.endpoint) == ("eu-north-1", "https://kinesis.test")


VALUES: dict[str, tuple[str, object]] = {
    "streamName": ("a, b", ("a", "b")),
    "region": ("us-west-2", "us-west-2"),
    "endpoint": ("http://127.0.0.1:1", "http://127.0.0.1:1"),
    "awsAccessKey": ("key", "key"),
    "awsSecretKey": ("secret", "secret"),
    "initialPosition": ("TRIM_HORIZON", "TRIM_HORIZON"),
    "maxRecordsPerFetch": ("500", 500),
    "maxFetchRate": ("1.5", 1_500_000.0),
    "minFetchPeriod": ("2 seconds", 2.0),
    "fetchBufferSize": ("10mb", 10 * 2**20),
    "shardFetchInterval": ("1m", 60.0),
    "coalesce": ("False", False),
    "coalesceThresholdBlockSize": ("1k", 1024),
    "coalesceBinSize": ("1gb", 2**30),
    "failOnDataLoss": ("false", False),
}
"""A text for each option that has an effect, and its parsed value."""
WITHOUT_EFFECT = {"consumerMode": "polling", "maxFetchDuration": "1h", "shardsPerTask": "3"}
WITHOUT_EFFECT |= {"reuseKinesisClient": "false", "clientRetries": "1"}


def test_names_ignore_case_and_every_option_is_accepted() -> None:
    given = {name: text for name, (text, _) in VALUES.items()} | WITHOUT_EFFECT
    assert {*given, "streamARN"} == {option.name for option in TABLE}
    lower = {name.lower(): value for name, value in given.items()}
    assert astuple(KinesisOptions.parse(lower, NOWHERE)) == tuple(
        value for _, value in VALUES.values()
    )


@pytest.mark.parametrize(
    ("value", "position"),
    [
        ("latest", "LATEST"),
        ("earliest", "TRIM_HORIZON"),
        ('{"at_timestamp": "2020-06-25T10:23:45Z"}', "AT_TIMESTAMP:1593080625000"),
        ('{"at_timestamp": "2020-06-25 10:23:45.678"}', "AT_TIMESTAMP:1593080625678"),
        ('{"at_timestamp": "2020-06-25T10:23:45+02:00"}', "AT_TIMESTAMP:1593073425000"),
        (
            '{"at_timestamp": "06/25/2020 10:23:45 -0700", "format": "MM/dd/yyyy HH:mm:ss ZZZ"}',
            "AT_TIMESTAMP:1593105825000",
        ),
        (
            '{"at_timestamp": "2020-06-25T10:23:45.5Z", "format": "yyyy-MM-dd\'T\'HH:mm:ss.SSSX"}',
            "AT_TIMESTAMP:1593080625500",
        ),
    ],
)
def test_positions(value: str, position: str) -> None:
    assert parse(initialPosition=value).position == position


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"streamName": None}, "option streamName is ''"),
        ({"streamName": ""}, "option streamName is '': it must be names of streams"),
        ({"streamName": "a,,b"}, "option streamName is 'a,,b'"),
        ({"streamName": "a,a"}, "it names a stream twice"),
        (
            {"streamName": ",".join(f"s{number}" for number in range(1_000))},
            "it names 1000 streams, and a query reads 256 at most",
        ),
        ({"streamName": "a/b"}, "option streamName is 'a/b'"),
        ({"endpoint": "localhost:1"}, "option endpoint is 'localhost:1': it must be a URL"),
        ({"awsAccessKey": "x"}, "awsAccessKey and awsSecretKey go together"),
        ({"awsSecretKey": "x"}, "awsAccessKey and awsSecretKey go together"),
        ({"initialPosition": "newest"}, "option initialPosition is 'newest': it must be latest"),
        ({"initialPosition": '{"at": 1}'}, "it must be latest"),
        ({"initialPosition": '{"at_timestamp": "x"}'}, "'x' is not ISO 8601; give its format"),
        ({"initialPosition": '{"at_timestamp": "2999-01-01"}'}, "it lies in the future"),
        (
            {"initialPosition": '{"at_timestamp": "2020-01-01", "form": "yyyy"}'},
            "'form' is neither at_timestamp nor format",
        ),
        (
            {"initialPosition": '{"at_timestamp": "1 1 20", "format": "d M yy"}'},
            "'d' of its format is none of yyyy",
        ),
        (
            {
                "initialPosition": '{"at_timestamp": "06/25/2020 10:23:45 PDT",'
                ' "format": "MM/dd/yyyy HH:mm:ss ZZZ"}'
            },
            r"'06/25/2020 10:23:45 PDT' is not .*a zone being \+hhmm or Z",
        ),
        *(
            (
                {"initialPosition": f'{{"at_timestamp": "{at}", "format": "{form}"}}'},
                "must have yyyy",
            )
            for at, form in (
                ("", ""),
                ("10:20", "HH:mm"),
                ("2020 2020", "yyyy yyyy"),
                ("2020", "yyyy"),
            )
        ),
        ({"initialPosition": '{"at_timestamp": "0001-01-01"}'}, "it lies before 1970"),
        ({"initialPosition": "[" * 100_000}, "it must be latest"),
        *(
            ({"maxRecordsPerFetch": value}, "from 1 to 10000")
            for value in ("0", "\u0661", "9" * 5000)
        ),
        *(
            ({name: value}, f"option {name} is ")
            for name in ("minFetchPeriod", "shardFetchInterval", "maxFetchDuration")
            for value in (
                "0s",
                "0ms",
                "9ms",
                "-1s",
                "25h",
                "nan s",
                "inf",
                "9" * 400 + "h",
                "\u0661s",
            )
        ),
        *(
            ({name: value}, f"option {name} is ")
            for name in ("fetchBufferSize", "coalesceBinSize", "coalesceThresholdBlockSize")
            for value in ("99999999gb", "-1", "nan", "9" * 5000, "1025gb")
        ),
        *(
            ({"maxFetchRate": value}, "option maxFetchRate is ")
            for value in ("9" * 400, "0.0000000001", "nan", "inf", "-1", "1e3")
        ),
        *(
            ({"endpoint": value}, "option endpoint is ")
            for value in ("http://", "http:///x", "http://a b", "ftp://a")
        ),
        ({"region": "us east\n1"}, "option region is 'us east"),
        ({"maxRecordsPerFetch": "10001"}, "a whole number from 1 to 10000"),
        ({"maxRecordsPerFetch": "0"}, "a whole number from 1 to 10000"),
        ({"maxFetchRate": "fast"}, "option maxFetchRate is 'fast': it must be a number of MB/s"),
        ({"minFetchPeriod": "400"}, "option minFetchPeriod is '400': it must be a duration"),
        ({"minFetchPeriod": "2 parsecs"}, "it must be a duration"),
        ({"fetchBufferSize": "0"}, "it must be a number of bytes"),
        ({"fetchBufferSize": "1tb"}, "it must be a number of bytes"),
        ({"shardFetchInterval": "soon"}, "option shardFetchInterval is 'soon'"),
        ({"coalesce": "maybe"}, "option coalesce is 'maybe': it must be true or false"),
        ({"failOnDataLoss": "no"}, "option failOnDataLoss is 'no'"),
        ({"consumerMode": "fast"}, "option consumerMode is 'fast': it must be polling or efo"),
        ({"streamARN": f"{ARN}pin"}, "options streamName and streamARN exclude each other"),
        ({"streamName": None, "streamARN": "pin"}, "option streamARN is 'pin': it must be as arn:"),
        ({"streamName": None, "streamARN": f"{ARN}pin,"}, "it must be as arn:"),
        ({"streamName": None, "streamARN": f"{ARN}pin/consumer/nb:1"}, "it must be as arn:"),
        (
            {"streamName": None, "streamARN": ARN.replace("kinesis", "s3") + "pin"},
            "must be as arn:",
        ),
        ({"streamName": None, "streamARN": f"{ARN}a,{ARN}a"}, "it names a stream twice"),
        (
            {"streamName": None, "streamARN": f"{ARN}a,{ARN.replace('west', 'north')}b"},
            "its streams are in different regions",
        ),
        (
            {"streamName": None, "streamARN": f"{ARN}pin", "region": "us-east-1"},
            "option region is 'us-east-1', that of streamARN 'eu-west-1'",
        ),
        ({"shardsPerTask": "none"}, "it must be a whole number from 1"),
    ],
)
def test_a_wrong_option_is_named_with_its_value(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse(**given)


def test_an_arn_gives_the_streams_and_the_region() -> None:
    options = parse(None, streamARN=f"{ARN}pin, {ARN}geo.2")
    assert (options.streams, options.region) == (("pin", "geo.2"), "eu-west-1")
    assert parse(None, streamARN=f"{ARN}pin", region="eu-west-1").streams == ("pin",)


def test_one_warning_names_every_option_without_a_meaning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = {  # as Spark passes them, in lower case
        "streamname": "posts",
        **{name.lower(): "x" for name in ("roleArn", "roleSessionName", "roleExternalId")},
        **{name.lower(): "x" for name in ("serviceCredential", "consumerName", "stsEndpoint")},
        "registerconsumertimeoutinterval": "x",
        "consumermode": "EFO",
        "format": "json",
        "inferschema": "true",
        "streamnames": "x",
    }
    KinesisDataSource(given).schema()
    assert capsys.readouterr().err == (
        "warning: the kinesis source ignores options, known to Databricks alone:"
        " consumerMode=efo, consumerName, registerConsumerTimeoutInterval, roleArn,"
        " roleExternalId, roleSessionName, serviceCredential, stsEndpoint;"
        " unknown: format, inferschema, streamnames (did you mean streamName?)\n"
    )


def test_options_with_a_meaning_or_without_an_effect_warn_of_nothing() -> None:
    assert ignored({option.name: "polling" for option in TABLE}) is None
    assert ignored({"Elephant": "x"}) == "the kinesis source ignores options, unknown: Elephant"


def test_the_docstring_describes_every_option() -> None:
    documented = re.findall(r"^``(\w+)`` +(\S*)", kinesis.__doc__ or "", re.MULTILINE)
    found = [(name, default) for name, default in documented if name in {o.name for o in TABLE}]
    assert [name for name, _ in found] == [option.name for option in TABLE]
    with_default = [(o.name, o.default) for o in TABLE if o.default]
    assert [pair for pair in found if pair[0] in dict(with_default)] == with_default
    assert not {option.name for option in TABLE} & set(DATABRICKS_ALONE)


def test_an_offset_is_the_same_after_a_round_trip() -> None:
    name = ShardName("posts", "shardId-000000000000")
    offset = Offset("TRIM_HORIZON", {name: Range("1", "TRIM_HORIZON", "17", 3)}, complete=True)
    assert Offset.parse(offset.document()) == offset
    assert offset.document() == {
        "version": 1,
        "begin": "TRIM_HORIZON",
        "complete": True,
        "shards": {
            "posts/shardId-000000000000": {
                "first": "1",
                "after": "TRIM_HORIZON",
                "to": "17",
                "records": 3,
            }
        },
    }
