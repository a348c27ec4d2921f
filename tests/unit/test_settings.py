"""Settings from the environment and from the file of a password."""

from pathlib import Path

import pytest

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
    missing = str(tmp_path / "none")
    with pytest.raises(SettingError, match=r"SOURCE_DATABASE_PASSWORD_FILE.*none"):
        Settings.from_environ({"SOURCE_DATABASE_PASSWORD_FILE": missing})
