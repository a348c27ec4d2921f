"""Rotation of logs that a process writes and another one reads."""

from pathlib import Path

import pytest
import yaml

from pinpipe.engines import logs
from tests.support import ROOT


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "server.log"


def write(log: Path, *lines: str) -> None:
    with log.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_a_long_log_is_rotated_and_the_oldest_file_removed(log: Path) -> None:
    for number in range(5):
        write(log, f"line {number}")
        assert not logs.rotate(log, limit=7)
        assert logs.rotate(log, limit=6)
    assert log.read_text() == ""
    rotated = sorted(log.parent.iterdir())
    assert [path.name for path in rotated] == ["server.log", "server.log.1", "server.log.2"]
    write(log, "line 5")
    assert b"".join(logs.read(log, follow=False)) == b"line 3\nline 4\nline 5\n"
    assert logs.tail(log) == "line 5"


def test_a_process_writes_on_into_the_cut_file(log: Path) -> None:
    with log.open("ab", buffering=0) as service:
        service.write(b"before\n")
        assert logs.rotate(log, limit=0)
        service.write(b"after\n")
    assert log.read_bytes() == b"after\n"


def test_a_reader_that_follows_gets_each_line_once(log: Path) -> None:
    write(log, "1", "2")
    reader = logs.read(log, follow=True)
    assert next(reader) == b"1\n2\n"
    write(log, "3")
    logs.rotate(log, limit=0)
    assert next(reader) == b"3\n"
    write(log, "a longer line")
    assert next(reader) == b"a longer line\n"
    logs.rotate(log, limit=0)
    write(log, "5")
    assert next(reader) == b""
    assert next(reader) == b"5\n"


def test_docker_has_the_same_bounds() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    options = compose["x-confined"]["logging"]["options"]
    assert options == {"max-size": f"{logs.BYTES // 2**20}m", "max-file": str(logs.FILES)}
