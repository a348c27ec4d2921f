"""The REST API under its host name on AWS, by way of a hosts file or a proxy."""

import http.client
import ssl

import pytest
import requests

from contract import names
from contract.entities import PIN
from tests.support.localstack import USER_ID, LocalStack

HOST = f"{names.rest_api_id(USER_ID)}.execute-api.us-east-1.amazonaws.com"


@pytest.mark.parametrize("port", ["", ":4566"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_host_name_works_on_the_gateways_port(
    localstack: LocalStack, scheme: str, port: str
) -> None:
    """With https, too, with a certificate that no client trusts."""
    address = ("127.0.0.1", localstack.gateway_port)
    if scheme == "http":
        connection = http.client.HTTPConnection(*address, timeout=30)
    else:
        anyone = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(*address, timeout=30, context=anyone)
    connection.request("GET", "/dev/streams", headers={"Host": HOST + port})
    answer = connection.getresponse()
    assert answer.status == 200
    assert names.stream(USER_ID, PIN).encode() in answer.read()
    connection.close()


def test_a_proxy_of_the_environment_reaches_it(
    localstack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a hosts file or a port: http_proxy is LocalStack, and the URL begins with http."""
    monkeypatch.setenv("http_proxy", localstack.endpoint)
    answer = requests.get(f"http://{HOST}/dev/streams/{names.stream(USER_ID, PIN)}", timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.json()["StreamDescription"]["StreamName"] == names.stream(USER_ID, PIN)


def test_another_api_does_not_exist(localstack: LocalStack, http: requests.Session) -> None:
    headers = {"Host": HOST.replace(names.rest_api_id(USER_ID), "b1c2d3e4f5")}
    answer = http.get(f"{localstack.endpoint}/dev/streams", headers=headers, timeout=30)
    assert answer.status_code == 404
    assert "b1c2d3e4f5" in answer.text
