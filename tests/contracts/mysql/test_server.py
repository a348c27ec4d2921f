"""The server of hop 1 without Docker: what a client finds in it, and that its data survive."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError, ProgrammingError

from emulator.dataset.load import load
from tests.support.ports import free_port
from tests.support.program import Service


class Server:
    """The service ``mysql`` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.port, self.passwords = free_port(), folder / "passwords"
        variables = {
            "MYSQL_LISTEN": f"127.0.0.1:{self.port}",
            "MYSQL_DATA": str(folder / "a folder" / "mysql"),
            "MYSQL_PASSWORDS": str(self.passwords),
        }
        self.service = Service("services/mysql", folder, variables, python=".build/mysql")

    def url(self, user: str, database: str = "pinterest_data") -> str:
        """SQLAlchemy URL of a user."""
        password = (self.passwords / user / "password").read_text().strip()
        return f"mysql+pymysql://{user}:{password}@127.0.0.1:{self.port}/{database}"

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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("mysql"))
    with started.service:
        load(started.url("loader"))
        yield started


def test_a_script_gets_row_counts_and_dates_as_from_mysql(server: Server) -> None:
    engine = sa.create_engine(server.url("reader"))
    with engine.connect() as connection:
        result = connection.execute(sa.text("SELECT * FROM geolocation_data LIMIT 0, 1"))
        assert result.rowcount == 1
        (row,) = result
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", row.timestamp.isoformat())
    engine.dispose()


def test_each_user_may_do_its_own_work_only(server: Server) -> None:
    with pytest.raises(OperationalError, match="denied"):
        server.run("reader", "DELETE FROM pinterest_data")
    with pytest.raises((OperationalError, ProgrammingError), match="denied"):
        server.run("reader", "SHOW TABLES", "metastore")
    with pytest.raises((OperationalError, ProgrammingError), match="denied"):
        server.run("metastore", "SHOW TABLES", "pinterest_data")
    with pytest.raises(OperationalError, match="denied"):
        server.run("root", "SELECT 1", "mysql")  # over TCP
    server.run("metastore", "CREATE TABLE own (id INT)", "metastore")
    server.run("metastore", "DROP TABLE own", "metastore")
    server.run("loader", "CREATE TABLE own (id INT)")
    server.run("loader", "DROP TABLE own")


def test_the_metastore_has_the_character_set_whose_keys_fit_hives_indexes(server: Server) -> None:
    ((name, charset),) = server.run(
        "metastore",
        "SELECT schema_name, default_character_set_name FROM information_schema.schemata "
        "WHERE schema_name NOT IN ('information_schema', 'performance_schema')",
        "metastore",
    )
    assert (name, charset) == ("metastore", "latin1")


def test_rows_and_passwords_survive_a_kill_and_a_stop(server: Server) -> None:
    before = server.url("loader")
    server.run("loader", "CREATE TABLE kept (id INT)")
    server.run("loader", "INSERT INTO kept VALUES (7)")
    server.service.kill()
    server.service.start()
    assert server.service.stop() == 0
    server.service.start()
    assert server.url("loader") == before
    assert server.run("reader", "SELECT id FROM kept") == [(7,)]
    server.run("loader", "DROP TABLE kept")


def test_an_initialisation_that_was_cut_off_is_repeated_and_two_servers_run_at_once(
    server: Server, tmp_path: Path
) -> None:
    half = tmp_path / "a folder/mysql/server.new/mysql"
    half.mkdir(parents=True)
    second = Server(tmp_path)
    with second.service:
        assert second.run("reader", "SHOW TABLES") == []
        assert server.run("reader", "SELECT COUNT(*) FROM pinterest_data") == [(11154,)]
    assert not half.exists()
