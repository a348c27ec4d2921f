"""The server of hop 1 without Docker: what a client finds in it, and that its data survive."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError, ProgrammingError

from tests.contracts.mysql.conftest import Server


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
    assert len(server.run("metastore", "SHOW TABLES", "metastore")) == 44


def test_no_file_is_open_to_others(server: Server) -> None:
    files = [path for path in server.service.folder.rglob("*") if path.is_file()]
    ours = [path for path in files if path.suffix != ".log" or "server" in path.parts]
    assert len(ours) > 100
    assert [path for path in ours if path.stat().st_mode & 0o077] == []


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
