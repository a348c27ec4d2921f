"""The scripts on a machine that isn't Linux: line ends, BSD's programs, and macOS's bash 3.2."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import ROOT

LINUX_ONLY = (
    ".ci/",
    "services/postgres/",
    "services/slim.sh",
    "services/environment.sh",
)
"""Scripts that run only in CI or in an image."""
LACKING = {
    r"\bstat (-c|--format)\b(?!.*\|\| stat -f)": "BSD's stat has -f",
    r"\bsha256sum\b": "check_sums of services/kafka/java.sh, or cksum",
    r"\b(readlink -f|realpath|date (-d|--date)|sed (-i|--in-place))\b": "GNU's alone",
    r"\b(sort -V|xargs -r)\b": "GNU's alone",
    r"\bgrep [^|]*'[^']*\\\|": r"\| is GNU's alone; -E",
    r"\bgrep -\w*P": "GNU's alone",
    r"\bfind [^|]*-printf\b": "GNU's alone",
    r"\b(mapfile|readarray|coproc)\b|\b(declare|local|typeset) -[Ang]": "bash 4",
    r"\$\{\w+(,,?|\^\^?)\}|&>>|\|&|\bwait -n\b": "bash 4",
}
"""Forms that macOS lacks, with the form to use or the version that has them."""
KEEPS = {"services/kafka/java.sh": "sha256sum"}
"""Scripts that have the form together with the one for macOS."""
BSD_STAT = """#!/usr/bin/env bash
if [[ $1 != -f || $2 != %m ]]; then
  echo "stat: illegal option -- ${1:1:1}" >&2
  exit 1
fi
exec python3 -c 'import os, sys; print(int(os.stat(sys.argv[1]).st_mtime))' "$3"
"""


def scripts() -> list[str]:
    """The tracked scripts that run on a person's machine."""
    listed = subprocess.run(
        ["git", "ls-files", "*.sh", "spark/launch/bin/java"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.splitlines() if not name.startswith(LINUX_ONLY)]


def code(name: str) -> str:
    """A script without its comments."""
    return re.sub(r"(?m)^\s*#.*$|\s# .*$", "", (ROOT / name).read_text())


@pytest.mark.parametrize("name", scripts())
def test_a_script_has_no_form_that_macos_lacks(name: str) -> None:
    text = code(name)
    found = [
        (match[0], use)
        for form, use in LACKING.items()
        for match in re.finditer(form, text)
        if match[0] != KEEPS.get(name)
    ]
    assert found == []
    # In bash before 4.4 an empty array counts as an unset variable.
    for array in re.findall(r"(?m)\b(\w+)=\(\)", text):
        assert len(re.findall(rf'"\$\{{{array}\[@\]\}}"', text)) == len(
            re.findall(rf'\$\{{{array}\[@\]\+"\$\{{{array}\[@\]\}}"\}}', text)
        )


def test_a_checkout_has_unix_line_ends_where_git_converts_them(tmp_path: Path) -> None:
    """`core.autocrlf` is Git's default on Windows, and its files are read in WSL."""
    git = ("git", "-c", "core.autocrlf=true", "-c", "core.eol=crlf")
    out = f"--prefix={tmp_path}/"
    subprocess.run([*git, "checkout-index", "--all", out], cwd=ROOT, check=True, timeout=60)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert tmp_path / "Makefile" in files
    assert [str(path) for path in files if b"\r\n" in path.read_bytes()] == []


def test_the_health_check_of_stream_works_with_bsds_stat(tmp_path: Path) -> None:
    stat = tmp_path / "bin/stat"
    stat.parent.mkdir()
    stat.write_text(BSD_STAT)
    stat.chmod(0o755)
    alive = tmp_path / "run/data/stream/alive"
    alive.parent.mkdir(parents=True)
    alive.touch()
    environ = {
        "PATH": f"{stat.parent}{os.pathsep}{os.environ['PATH']}",
        "RUN_DIR": str(tmp_path / "run"),
    }

    def health() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "spark/health.sh"], env=environ, capture_output=True, text=True, timeout=20
        )

    assert (health().returncode, health().stderr) == (0, "")
    past = time.time() - 60
    os.utime(alive, (past, past))
    assert health().returncode == 1
    assert "not all of its queries have run" in health().stderr


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "in memory"])
def test_lost_records_are_a_failure_of_the_stream_where_they_are_kept(
    tmp_path: Path, kept: bool
) -> None:
    for name in ("spark/stream.sh", "spark/conf/stream.conf", "services/alive.sh"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    run = tmp_path / "spark/run.sh"
    run.write_text('#!/bin/sh\necho "$@"\n')
    run.chmod(0o755)
    module = tmp_path / ".build/localstack/node_modules/leveldown/index.js"
    module.parent.mkdir(parents=True)
    module.write_text("" if kept else "throw Error('no binary')")

    def fails() -> str:
        environ = {"PATH": os.environ["PATH"], "RUN_DIR": str(tmp_path / "run")}
        command = [tmp_path / "spark/stream.sh", "--once"]
        words = subprocess.check_output(command, env=environ, text=True, timeout=30).split()
        return words[words.index("--fail-on-data-loss") + 1]

    again = "true" if kept else "false"
    # The first start may be on the checkpoint of a version whose streams were in memory.
    assert [fails(), fails(), fails()] == ["false", again, again]
    (tmp_path / "run/data/stream/fails_on_data_loss").unlink()  # by a person, after a loss
    assert [fails(), fails()] == ["false", again]
