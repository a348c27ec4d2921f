"""Loading the source database: once, completely, and never over someone else's rows."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

from contract.entities import ENTITIES, PIN
from emulator import database
from emulator.database import DatabaseError
from emulator.dataset.cli import dataset
from emulator.dataset.generate import blocks
from emulator.dataset.load import load
from emulator.dataset.tables import TABLES
from emulator.source import Source
from tests.support.waiting import wait_for
from tests.unit.emulator.conftest import ROOT, change

BLOCK = 11154


def _file(folder: Path) -> tuple[Path, str]:
    file = folder / "a b" / "posts.db"
    return file, f"sqlite:///{file}"


def _rows(file: Path) -> list[int]:
    with closing(sqlite3.connect(file)) as connection:
        return [
            connection.execute(f"SELECT count(*) FROM {entity.table}").fetchone()[0]
            for entity in ENTITIES
        ]


@pytest.fixture
def loaded(source_url: str, tmp_path: Path) -> tuple[Path, str]:
    """A source database at scale 1 that a test may change, and its URL."""
    file, url = _file(tmp_path)
    file.parent.mkdir()
    shutil.copyfile(source_url.removeprefix("sqlite:///"), file)
    return file, url


def opened() -> list[Path]:
    """The files that this process has open."""
    return [Path(file.path) for file in psutil.Process().open_files()]


def test_what_is_loaded_is_what_is_generated(tmp_path: Path) -> None:
    _, url = _file(tmp_path)
    loaded = load(url)
    assert (loaded.rows[PIN.table], loaded.written) == (BLOCK, True)
    block = next(blocks())
    engine = database.connect(url)
    with engine.connect() as connection:
        for entity in ENTITIES:
            rows = connection.execute(sa.select(TABLES[entity])).mappings().all()
            assert [dict(row) for row in rows] == block.rows(entity), "and in key order"
        example = connection.exec_driver_sql("SELECT * FROM geolocation_data LIMIT 7528, 1").one()
    engine.dispose()
    assert tuple(example) == (7528, "2020-08-28 03:52:47", -89.9787, -173.293, "Albania")


def test_a_second_load_keeps_the_rows(loaded: tuple[Path, str]) -> None:
    file, url = loaded
    before = file.read_bytes()
    again = load(url)
    assert (again.rows[PIN.table], again.written, again.why) == (
        BLOCK,
        False,
        "they are there already",
    )
    assert file.read_bytes() == before


def test_another_seed_or_scale_replaces_the_rows(loaded: tuple[Path, str]) -> None:
    file, url = loaded
    assert load(url, seed=7).why == "there were others, of seed 100 and scale 1"
    assert load(url, seed=7, scale=2).why == "there were others, of seed 7 and scale 1"
    assert _rows(file) == [2 * BLOCK] * 3
    assert load(url).written
    assert _rows(file) == [BLOCK] * 3


def test_the_same_seed_gives_the_same_database(tmp_path: Path) -> None:
    files = [_file(tmp_path / name)[0] for name in ("one", "two")]
    for file, hash_seed in zip(files, ("1", "2"), strict=True):
        done = _command(f"sqlite:///{file}", hash_seed)
        with done:
            assert done.wait(60) == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_killed_load_is_repeated(tmp_path: Path) -> None:
    file, url = _file(tmp_path)
    for _ in range(2):
        killed = _command(url, "0", "--scale", "20")
        with killed:
            # Rows spill to disk before the transaction ends, so this size means a load in progress.
            wait_for("rows are written", lambda: file.exists() and file.stat().st_size > 4e6)
            killed.send_signal(signal.SIGKILL)
            assert killed.wait(10) == -signal.SIGKILL
        with pytest.raises(DatabaseError, match="pinpipe dataset load"):
            Source(url)
    assert load(url, scale=2).written
    assert _rows(file) == [2 * BLOCK] * 3
    assert not load(url, scale=2).written


def test_a_killed_reload_keeps_the_earlier_rows(loaded: tuple[Path, str]) -> None:
    file, url = loaded
    killed = _command(url, "0", "--scale", "20")
    with killed:
        wait_for("rows are written", lambda: file.stat().st_size > 26e6)
        killed.send_signal(signal.SIGKILL)
        killed.wait(10)
    assert not load(url).written
    assert _rows(file) == [BLOCK] * 3


def test_tables_without_their_marker_row_are_half_loaded(loaded: tuple[Path, str]) -> None:
    """A killed load leaves them where CREATE TABLE is not transactional, as in MySQL."""
    file, url = loaded
    change(file, "DELETE FROM dataset_load")
    with pytest.raises(DatabaseError, match="loaded in part only: run `pinpipe dataset load`"):
        Source(url)
    assert file not in opened(), "a refused source keeps no connection"
    assert load(url).why == "an earlier load didn't end"
    Source(url).close()


def test_someone_elses_rows_are_not_replaced(tmp_path: Path) -> None:
    file, url = _file(tmp_path)
    file.parent.mkdir()
    change(
        file,
        "CREATE TABLE user_data (ind INTEGER, note TEXT);"
        "INSERT INTO user_data VALUES (1, 'precious')",
    )
    with pytest.raises(DatabaseError, match="user_data already hold rows"):
        load(url)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT note FROM user_data").fetchall() == [("precious",)]
    assert load(url, overwrite=True).why == "they replace what was there"
    assert _rows(file) == [BLOCK] * 3


def _run_sh(url: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The one-shot of the stack; without arguments as at each start."""
    return subprocess.run(
        [ROOT / "emulator/dataset/run.sh", *arguments],
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "SOURCE_DATABASE_URL": url,
            **settings,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_start_of_the_stack_keeps_loaded_rows(loaded: tuple[Path, str]) -> None:
    file, url = loaded
    before = file.read_bytes()
    done = _run_sh(url, DATASET_SCALE="3")
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        f"dataset: 11,154 posts, 3 rows each, seed 100, scale 1, in {url}: left as they are; "
        "the settings say seed 100, scale 3; "
        "`pinpipe dataset load --scale 3 --seed 100` replaces them\n"
    )
    assert file.read_bytes() == before
    replaced = _run_sh(url, "--seed", "7")
    assert replaced.returncode == 0, replaced.stderr
    assert "seed 7, scale 1" in replaced.stderr
    assert file.read_bytes() != before


def test_a_users_own_source_is_kept(tmp_path: Path) -> None:
    """Tables of another program, with different counts, one of them empty."""
    file, url = _file(tmp_path)
    file.parent.mkdir()
    for rows, entity in enumerate(ENTITIES):
        columns = ", ".join(f'"{name}"' for name in entity.column_names)
        change(file, f"CREATE TABLE {entity.table} ({columns})")
        for key in range(rows):
            change(file, f'INSERT INTO {entity.table} ("{entity.key}") VALUES ({key})')
    before = file.read_bytes()
    done = _run_sh(url)
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        "dataset: rows: pinterest_data 0, geolocation_data 1, user_data 2, not made by this "
        f"program, in {url}: left as they are; they were there already\n"
    )
    asked = _run_sh(url, "--scale", "1")
    assert asked.returncode == 1
    assert "--overwrite" in asked.stderr
    assert file.read_bytes() == before


def test_rows_that_a_user_has_changed_stay_until_overwritten(loaded: tuple[Path, str]) -> None:
    file, url = loaded
    change(
        file,
        "UPDATE user_data SET first_name = 'mine' WHERE ind = 1;"
        "DELETE FROM geolocation_data WHERE ind > 99",
    )
    kept = load(url, scale=3, seed=7, keep=True)
    assert (kept.written, kept.as_asked, list(kept.rows.values())) == (
        False,
        False,
        [BLOCK, 100, BLOCK],
    )
    assert load(url, overwrite=True).written
    assert _rows(file) == [BLOCK] * 3


def test_an_empty_and_a_half_loaded_source_are_filled(loaded: tuple[Path, str]) -> None:
    file, url = loaded
    emptied = "".join(f"DELETE FROM {entity.table};" for entity in ENTITIES)
    for script, why in (
        ("DELETE FROM dataset_load;", "an earlier load didn't end"),
        (emptied, "there were none"),
    ):
        change(file, script)
        assert load(url, keep=True).why == why
        assert _rows(file) == [BLOCK] * 3


def test_a_dropped_table_is_named(loaded: tuple[Path, str]) -> None:
    file, url = loaded
    change(file, "DROP TABLE user_data")
    before = file.read_bytes()
    with pytest.raises(DatabaseError, match="no user_data any more; `pinpipe dataset load --over"):
        load(url, keep=True)
    assert file.read_bytes() == before


def test_the_tables_in_mysql() -> None:
    made = {e: str(CreateTable(t).compile(dialect=mysql.dialect())) for e, t in TABLES.items()}
    assert "`index` BIGINT NOT NULL" in made[PIN]
    assert "PRIMARY KEY (`index`)" in made[PIN]
    assert "CHARSET=utf8mb4" in made[PIN]
    assert "title TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" in made[PIN]
    geo = next(text for entity, text in made.items() if entity.name == "geo")
    assert "latitude DOUBLE" in geo
    assert "timestamp DATETIME" in geo
    assert str(database.parse("mysql://me:secret@host/db").drivername) == "mysql+pymysql"
    assert database.shown("mysql://me:secret@host/db") == "mysql://me:***@host/db"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql+pymysql://me:secret@127.0.0.1:21099/db", "Can't connect to MySQL server"),
        ("nonsense://x/y", "can't be used"),
        ("sqlite:////proc/nowhere/posts.db", "nowhere"),
    ],
)
def test_a_missing_database_is_an_error_of_one_line(url: str, reason: str) -> None:
    done = CliRunner().invoke(dataset, ["load", "--url", url])
    assert (done.exit_code, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert reason in line
    assert "secret" not in line


def test_the_command_reads_the_environment(tmp_path: Path) -> None:
    file, url = _file(tmp_path)
    done = _run_sh(url, DATASET_SCALE="2", DATASET_SEED="5")
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "22,308 posts, 3 rows each, seed 5, scale 2" in done.stderr
    assert not load(url, scale=2, seed=5).written
    assert _rows(file) == [2 * BLOCK] * 3


def _command(url: str, hash_seed: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "emulator.dataset", "load", "--url", url, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": hash_seed},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql://me:s3cret@db/posts", "No module named 'psycopg"),
        ("mysql+mysqldb://me:s3cret@db/posts", "No module named 'MySQLdb'"),
    ],
)
def test_a_database_that_keeps_no_rows_or_has_no_driver_is_named(url: str, reason: str) -> None:
    done = CliRunner().invoke(dataset, ["load", "--url", url])
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: source database {url.partition(':')[0]}")
    assert reason in done.output
    assert "s3cret" not in done.output
