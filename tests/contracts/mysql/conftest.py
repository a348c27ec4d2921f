"""The service ``mysql`` in folders of the tests."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from emulator.dataset.load import load
from pinpipe.engines import compose
from tests.support import ROOT
from tests.support.ports import free_port
from tests.support.program import Service


class Server:
    """The service ``mysql`` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.port, self._passwords = free_port(), folder / "passwords"
        variables = {
            "MYSQL_LISTEN": f"127.0.0.1:{self.port}",
            "MYSQL_DATA": str(folder / "a folder" / "mysql"),
            "MYSQL_PASSWORDS": str(self._passwords),
        }
        self.service = Service("services/mysql", folder, variables, python=".build/mysql")

    def password_file(self, user: str) -> Path:
        """The file with the generated password of a user."""
        return self._passwords / user / "password"

    def password(self, user: str) -> str:
        """The generated password of a user."""
        return self.password_file(user).read_text().strip()

    @property
    def metastore_url(self) -> str:
        """JDBC URL of the Hive metastore, as the stack sets it."""
        own = {"PATH": os.environ["PATH"], "MYSQL_PORT": str(self.port)}
        return compose.load(ROOT, own).service("databricks").environment["METASTORE_URL"]

    def url(self, user: str, database: str = "pinterest_data") -> str:
        """SQLAlchemy URL of a user."""
        address = f"{user}:{self.password(user)}@127.0.0.1:{self.port}"
        return f"mysql+pymysql://{address}/{database}"

    def run(
        self, user: str, statement: str, database: str = "pinterest_data"
    ) -> list[sa.Row[*tuple[Any, ...]]]:
        """Execute a statement as a user; return its rows."""
        engine = sa.create_engine(self.url(user, database))
        with engine.begin() as connection:
            result = connection.execute(sa.text(statement))
            rows = list(result) if result.returns_rows else []
        engine.dispose()
        return rows


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the dataset."""
    started = Server(tmp_path_factory.mktemp("mysql"))
    with started.service:
        load(started.url("loader"))
        yield started
