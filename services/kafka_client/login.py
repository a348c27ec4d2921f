"""How every Kafka client of the project finds the brokers and logs in, Python's and Java's.

``KAFKA_AUTH`` says how, as Amazon MSK offers it:

    none    no login and no TLS
    scram   user and password over TLS (SASL/SCRAM-SHA-512)
    iam     a token signed with AWS keys over TLS (SASL/OAUTHBEARER), made by AWS' own signers

Where the certificate or the key is wrong, trying again doesn't help, but Kafka's clients do, for
ever. So whoever waits for a broker asks its ``Watch`` whether the login was refused, and ends with
the reason.
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
"""Codes of errors that the next attempt would have, too."""


class LoginError(PipelineError):
    """Kafka refuses the login, or the client doesn't trust the broker."""


class Watch:
    """Takes the errors of a client (its ``error_cb``), and knows whether its login was refused."""

    def __init__(
        self, settings: Settings, then: Callable[[KafkaError], None] = lambda _: None
    ) -> None:
        """``then`` is called with each error, too."""
        self._where = f"{settings.kafka_bootstrap_servers} (KAFKA_AUTH={settings.kafka_auth})"
        self._then = then
        self.last_error = ""
        """What the client library has said last; empty when nothing."""
        self.refused: LoginError | None = None
        """Why it is no use to try again, if it isn't."""

    def __call__(self, error: KafkaError) -> None:
        """Take an error. Runs in the thread that polls the client."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN or not self.last_error:
            self.last_error = error.str()  # that all are down is said after why
        if error.code() in _REFUSALS:
            self.refused = LoginError(f"no login at Kafka, {self._where}: {error.str()}")
        self._then(error)

    def well(self) -> None:
        """A broker has answered: what was refused before, no longer is."""
        self.refused = None


def client_settings(settings: Settings, keys: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Addresses and login for a client of confluent-kafka.

    Args:
        settings: where and how.
        keys: AWS_ACCESS_KEY_ID and the like to sign with; by default those that the AWS SDK finds.

    Raises:
        SettingError: KAFKA_CA_FILE names no file, or there is no password.
        LoginError: there are no keys to sign with.
    """
    found: dict[str, Any] = {"bootstrap.servers": settings.kafka_bootstrap_servers}
    if settings.kafka_auth == "none":
        return found
    found["security.protocol"] = "SASL_SSL"
    if settings.kafka_ca_file:
        found["ssl.ca.location"] = _ca_file(settings)
    if settings.kafka_auth == "scram":
        return found | {
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": settings.kafka_scram_username,
            "sasl.password": _scram_password(settings),
        }
    return found | {
        "sasl.mechanism": "OAUTHBEARER",
        "oauth_cb": partial(_token, settings.aws_region, _credentials(keys or {})),
    }


def java_settings(settings: Settings) -> dict[str, str]:
    """Login for a client of Kafka's Java library; empty without one.

    With IAM it needs aws-msk-iam-auth on its classpath, and keys and AWS_REGION in its environment.

    Raises:
        SettingError: KAFKA_CA_FILE names no file, or there is no password.
    """
    if settings.kafka_auth == "none":
        return {}
    found = {"security.protocol": "SASL_SSL"}
    if settings.kafka_ca_file:
        found |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": _ca_file(settings)}
    modules = "org.apache.kafka.common.security"
    if settings.kafka_auth == "scram":
        user, password = settings.kafka_scram_username, _scram_password(settings)
        module = f"{modules}.scram.ScramLoginModule required"
        return found | {
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.jaas.config": f"{module} username={_quoted(user)} password={_quoted(password)};",
        }
    return found | {
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
    # Not read with the other settings: a program without a Kafka client may
    # have KAFKA_AUTH, but not the file.
    if settings.kafka_scram_password:
        return settings.kafka_scram_password
    file = settings.kafka_scram_password_file
    if not file:
        raise SettingError("KAFKA_SCRAM_PASSWORD", None, "KAFKA_AUTH=scram needs it")
    return secret("KAFKA_SCRAM_PASSWORD_FILE", file)


def _quoted(text: str) -> str:
    """Text as the value of an option in a JAAS configuration."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _credentials(keys: Mapping[str, str]) -> Credentials:
    """AWS keys to sign with: those given, or what the AWS SDK finds and renews by itself."""
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
    """Sign a token; return it and the time of its end, in seconds since 1970.

    The client library asks for the next one when four fifths of the time are over.
    """
    from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
    from botocore.credentials import CredentialProvider

    class Given(CredentialProvider):
        def load(self) -> Credentials:
            return credentials

    sign = MSKAuthTokenProvider.generate_auth_token_from_credentials_provider
    token, expires = sign(region, Given())
    return token, expires / 1000
