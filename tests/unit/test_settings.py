"""Settings from the environment and from the file of a password."""

import re
from pathlib import Path

import pytest

from contract import names
from contract.errors import SettingError
from contract.secrets import with_password
from contract.settings import Settings


@pytest.mark.parametrize(
    ("url", "full"),
    [
        (
            "mysql+pymysql://reader@db:3306/p?a=b",
            "mysql+pymysql://reader:p%40s%2F%3A@db:3306/p?a=b",
        ),
        ("mysql+pymysql://reader:own@db/p", "mysql+pymysql://reader:own@db/p"),
        ("mysql+pymysql://db/p", "mysql+pymysql://db/p"),
        ("sqlite:///a@b.db", "sqlite:///a@b.db"),
    ],
)
def test_a_password_goes_into_a_url_that_lacks_it(url: str, full: str) -> None:
    assert with_password(url, "p@s/:") == full


def test_further_topics_and_streams_follow_those_of_the_entities() -> None:
    settings = Settings.from_environ(
        {"USER_ID": "abcd", "KAFKA_TOPICS": "other.pin, abcd.pin,all", "KINESIS_STREAMS": "all,all"}
    )
    assert settings.topics == ("abcd.pin", "abcd.geo", "abcd.user", "other.pin", "all")
    assert settings.streams[-2:] == ("streaming-abcd-user", "all")
    assert Settings().topics == names.topics(Settings().user_id)


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("KAFKA_TOPICS", "good,a/b", "a/b"),
        ("KAFKA_TOPICS", "good,", ""),
        ("KAFKA_TOPICS", "..", ".."),
        ("KAFKA_TOPICS", "x" * 250, "x" * 250),
        ("KAFKA_TOPICS", "__consumer_offsets", "__consumer_offsets"),
        ("KAFKA_TOPICS", "dead-letter.abcd", "dead-letter.abcd"),
        ("KINESIS_STREAMS", "a b", "a b"),
        ("KINESIS_STREAMS", "x" * 129, "x" * 129),
    ],
)
def test_an_impossible_name_is_named_with_its_variable(
    variable: str, value: str, name: str
) -> None:
    with pytest.raises(SettingError) as refused:
        Settings.from_environ({variable: value})
    assert str(refused.value).startswith(f"{variable} is {value!r}: {name!r} is no name of a ")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *((name, "a/b?c") for name in ("STAGE_NAME",)),
        *(
            (name, value)
            for name in ("DATABRICKS_HOST", "AWS_ENDPOINT_URL", "KAFKA_REST_ENDPOINT")
            for value in ("http://", "http:///x", "http://a b", "HTTP://a", "a:80")
        ),
        *(
            ("REST_PROXY_LISTEN", value)
            for value in ("::1:80", "a:b:1", "h:0", "h:65536", "h:\u0668", "h:8_0", "[x]:80", ":80")
        ),
        ("DATABRICKS_WORKSPACE", "/=/"),
        ("DATABRICKS_WORKSPACE", "/a=x,/=//"),
        ("AWS_REGION", "us east\n1"),
        ("REST_PROXY_QUEUE_MESSAGES", "2000000000"),
        ("REST_PROXY_QUEUE_BYTES", "10000000000000"),
        ("REST_PROXY_CONSUMERS", "100000000"),
        *(
            (name, value)
            for name in (
                "REST_PROXY_MESSAGE_TIMEOUT_MS",
                "REST_PROXY_CONSUMER_TIMEOUT_MS",
                "S3_SINK_ROTATE_INTERVAL_MS",
                "CLUSTER_IDLE_SECONDS",
                "DATASET_SEED",
                "DATABRICKS_LOG_BYTES",
            )
            for value in (
                "nan",
                "inf",
                "-1",
                "1e3",
                "1_0",
                " 1",
                "\u0663",
                "2147483648",
                "9" * 5000,
            )
        ),
    ],
    ids=lambda text: text[:30],
)
def test_an_unusable_value_is_named_with_its_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingError) as refused:
        Settings.from_environ({variable: value})
    assert str(refused.value).startswith(f"{variable} is {value!r:.300}: it must ")
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABRICKS_TOKEN", " s3cret "),
        ("DATABRICKS_TOKEN", "s3cret\u00fc"),
        ("SOURCE_DATABASE_URL", "mysql:me:s3cret@db"),
    ],
)
def test_the_value_of_a_secret_is_not_shown(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{variable} has an invalid value: it must ") as found:
        Settings.from_environ({variable: value})
    assert "s3cret" not in str(found.value)


def test_an_address_may_be_one_of_ipv6() -> None:
    listen = {"REST_PROXY_LISTEN": "[::1]:8082", "DATABRICKS_LISTEN": "0.0.0.0:80"}
    settings = Settings.from_environ(listen)
    assert settings.rest_proxy_listen == ("::1", 8082)
    assert settings.databricks_listen == ("0.0.0.0", 80)


def test_names_of_the_longest_form_are_accepted() -> None:
    given = {"KAFKA_TOPICS": f"...,{'x' * 249}", "KINESIS_STREAMS": f".,{'x' * 128}"}
    settings = Settings.from_environ(given)
    assert settings.kafka_topics == ("...", "x" * 249)
    assert settings.kinesis_streams == (".", "x" * 128)


def test_the_sink_stores_exactly_the_named_topics_and_those_of_the_user_id() -> None:
    assert names.topics_regex("abcd", ("abcd.all",)) == r"abcd(e2e[0-9a-f]{8})?\..+"
    pattern = names.topics_regex("abcd", ("other.pin", "a-b"))
    stored = ["abcd.pin", "abcde2e0123abcd.pin", "other.pin", "a-b"]
    others = ["abcdx", "abcd0.pin", "abcde2e01.pin", "otherxpin", "other.pin2", "x.abcd.pin"]
    others.append("dead-letter.abcd")
    assert [name for name in stored + others if re.fullmatch(pattern, name)] == stored


def test_the_password_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret\n")
    settings = Settings.from_environ(
        {
            "SOURCE_DATABASE_URL": "mysql+pymysql://reader@db/p",
            "SOURCE_DATABASE_PASSWORD_FILE": str(file),
        }
    )
    assert settings.source_database_url == "mysql+pymysql://reader:secret@db/p"


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    given = {"SOURCE_DATABASE_PASSWORD_FILE": str(tmp_path / "none")}
    with pytest.raises(SettingError, match=r"SOURCE_DATABASE_PASSWORD_FILE.*none"):
        Settings.from_environ({**given, "SOURCE_DATABASE_URL": "mysql+pymysql://reader@db/p"})
    for url in ("sqlite:///posts.db", "mysql+pymysql://reader:own@db/p"):  # they need no file
        settings = Settings.from_environ({**given, "SOURCE_DATABASE_URL": url})
        assert settings.source_database_url == url
