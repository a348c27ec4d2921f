"""Settings with which the project's Kafka clients, in Python and Java, connect and log in.

``KAFKA_AUTH`` selects one of the ways that Amazon MSK offers:

    none    no login and no TLS
    scram   user and password over TLS (SASL/SCRAM-SHA-512)
    iam     a token signed with AWS keys over TLS (SASL/OAUTHBEARER), made by AWS' own signers

Kafka's clients retry without end, even when a wrong certificate or key makes every attempt fail.
So a program that waits for a broker checks its ``LoginWatch`` and ends with the reason when the
login was refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError

from contract.errors import PipelineError, SettingError
from contract.secrets import secret
from contract.settings import Settings

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_REFUSALS = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError._SSL,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
    }
)
"""Codes of errors that every further attempt would have, too."""


class LoginError(PipelineError):
    """Kafka refuses the login, or the client does not trust the broker."""


class LoginWatch:
    """Receives the errors of a client, as its ``error_cb``, and notes a refused login."""

    def __init__(
        self, settings: Settings, on_error: Callable[[KafkaError], None] = lambda _: None
    ) -> None:
        """``on_error`` is called with each error."""
        self._broker = f"{settings.kafka_bootstrap_servers} (KAFKA_AUTH={settings.kafka_auth})"
        self._on_error = on_error
        self.last_error = ""
        """Last error of the client library; empty if there was none."""
        self.refused: LoginError | None = None
        """The refusal that makes retries useless, if there was one."""

    def __call__(self, error: KafkaError) -> None:
        """Receive an error. Runs in the thread that polls the client."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN or not self.last_error:
            self.last_error = error.str()  # "all brokers down" follows the error with the reason
        if error.code() in _REFUSALS:
            self.refused = LoginError(f"no login at Kafka, {self._broker}: {error.str()}")
        self._on_error(error)

    def clear_refusal(self) -> None:
        """Forget a refusal, because a broker has answered."""
        self.refused = None


def client_settings(settings: Settings, keys: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return addresses and login for a client of confluent-kafka.

    Args:
        settings: the brokers, and KAFKA_AUTH with its settings.
        keys: AWS_ACCESS_KEY_ID and the like to sign with; by default those that the AWS SDK finds.

    Raises:
        SettingError: the file of KAFKA_CA_FILE does not exist, or the password is missing.
        LoginError: there are no keys to sign with.
    """
    client: dict[str, Any] = {"bootstrap.servers": settings.kafka_bootstrap_servers}
    if settings.kafka_auth == "none":
        return client
    client["security.protocol"] = "SASL_SSL"
    if settings.kafka_ca_file:
        client["ssl.ca.location"] = _ca_file(settings)
    if settings.kafka_auth == "scram":
        return client | {
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": settings.kafka_scram_username,
            "sasl.password": _scram_password(settings),
        }
    return client | {
        "sasl.mechanism": "OAUTHBEARER",
        "oauth_cb": partial(_token, settings.aws_region, _credentials(keys or {})),
    }


def java_settings(settings: Settings) -> dict[str, str]:
    """Return the login for a client of Kafka's Java library; empty if KAFKA_AUTH is none.

    With IAM, the client needs aws-msk-iam-auth on its classpath, and the keys and AWS_REGION in its
    environment.

    Raises:
        SettingError: the file of KAFKA_CA_FILE does not exist, or the password is missing.
    """
    if settings.kafka_auth == "none":
        return {}
    client = {"security.protocol": "SASL_SSL"}
    if settings.kafka_ca_file:
        client |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": _ca_file(settings)}
    modules = "org.apache.kafka.common.security"
    if settings.kafka_auth == "scram":
        user, password = settings.kafka_scram_username, _scram_password(settings)
        module = f"{modules}.scram.ScramLoginModule required"
        return client | {
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.jaas.config": f"{module} username={_quoted(user)} password={_quoted(password)};",
        }
    return client | {
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.jaas.config": f"{modules}.oauthbearer.OAuthBearerLoginModule required;",
        "sasl.login.callback.handler.class": (
            "software.amazon.msk.auth.iam.IAMOAuthBearerLoginCallbackHandler"
        ),
    }


def _ca_file(settings: Settings) -> str:
    if not Path(settings.kafka_ca_file).is_file():
        raise SettingError("KAFKA_CA_FILE", settings.kafka_ca_file, "there is no such file")
    return settings.kafka_ca_file


def _scram_password(settings: Settings) -> str:
    # Read only here: a program without a Kafka client may have KAFKA_AUTH, but not the file.
    if settings.kafka_scram_password:
        return settings.kafka_scram_password
    file = settings.kafka_scram_password_file
    if not file:
        raise SettingError("KAFKA_SCRAM_PASSWORD", None, "KAFKA_AUTH=scram needs it")
    return secret("KAFKA_SCRAM_PASSWORD_FILE", file)


def _quoted(text: str) -> str:
    """Return ``text`` as the value of an option in a JAAS configuration."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _credentials(keys: Mapping[str, str]) -> Credentials:
    """Return the AWS keys to sign with: ``keys``, or those that the AWS SDK finds and renews."""
    from botocore.credentials import Credentials
    from botocore.session import Session

    if keys.get("AWS_ACCESS_KEY_ID"):
        key, secret = keys["AWS_ACCESS_KEY_ID"], keys.get("AWS_SECRET_ACCESS_KEY", "")
        return Credentials(key, secret, keys.get("AWS_SESSION_TOKEN") or None)
    found = Session().get_credentials()
    if found is None:
        raise LoginError("KAFKA_AUTH=iam needs AWS keys, and the AWS SDK finds none")
    return found


def _token(region: str, credentials: Credentials, _: str) -> tuple[str, float]:
    """Sign a token; return it and the time at which it expires, in seconds since 1970.

    The client library requests the next one after four fifths of that time.
    """
    from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
    from botocore.credentials import CredentialProvider

    class FixedCredentials(CredentialProvider):
        def load(self) -> Credentials:
            return credentials

    sign = MSKAuthTokenProvider.generate_auth_token_from_credentials_provider
    token, expires = sign(region, FixedCredentials())
    return token, expires / 1000
