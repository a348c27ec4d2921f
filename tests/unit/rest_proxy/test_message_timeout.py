"""The time that a record may wait for a broker: Confluent's 30 s, or less behind a gateway.

tests/contracts/rest_proxy/test_broker_gone.py shows that the proxy follows it.
"""

import pytest

from contract.errors import SettingError
from contract.settings import Settings

VARIABLE = "REST_PROXY_MESSAGE_TIMEOUT_MS"


def test_the_default_is_thirty_seconds() -> None:
    assert Settings.from_environ({}).rest_proxy_message_timeout_ms == 30_000
    assert Settings.from_environ({VARIABLE: "25000"}).rest_proxy_message_timeout_ms == 25_000


@pytest.mark.parametrize("value", ["0", "-1", "25s", "2.5"])
def test_a_wrong_value_stops_the_start(value: str) -> None:
    with pytest.raises(SettingError, match=VARIABLE):
        Settings.from_environ({VARIABLE: value})
