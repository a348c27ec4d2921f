"""How long a record may wait for a broker: Confluent's 30 s, or less where a gateway waits less.

That the proxy heeds it is shown in tests/contracts/rest_proxy/test_broker_gone.py.
"""

from __future__ import annotations

import pytest

from contract.errors import SettingError
from contract.settings import Settings

VARIABLE = "REST_PROXY_MESSAGE_TIMEOUT_MS"


def test_it_is_thirty_seconds_unless_its_variable_says_otherwise() -> None:
    assert Settings.from_environ({}).rest_proxy_message_timeout_ms == 30_000
    assert Settings.from_environ({VARIABLE: "25000"}).rest_proxy_message_timeout_ms == 25_000


@pytest.mark.parametrize("value", ["0", "-1", "25s", "2.5"])
def test_a_wrong_value_stops_the_start(value: str) -> None:
    with pytest.raises(SettingError, match=VARIABLE):
        Settings.from_environ({VARIABLE: value})
