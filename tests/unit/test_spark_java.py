"""The class path that ``spark/launch/bin/java`` passes to java."""

import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "spark/launch/bin/java"


def started(tmp_path: Path, *arguments: str, scratch: str = "") -> list[str]:
    """Return the arguments with which the script starts java."""
    java = tmp_path / "a java"
    java.write_text('#!/usr/bin/env bash\nprintf "%s\\n" "LC_ALL=${LC_ALL-}" "$@"\n')
    java.chmod(0o755)
    environment = {**os.environ, "SPARK_JAVA": str(java), "LC_ALL": "C.UTF-8"}
    environment["SPARK_LOCAL_DIRS"] = scratch
    command = [str(SCRIPT), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    locale, *rest = done.stdout.splitlines()
    assert locale == "LC_ALL=C.UTF-8"
    return rest


def test_each_jar_is_named_once_in_order(tmp_path: Path) -> None:
    ours, sparks, conf = tmp_path / "our jars", tmp_path / "jars", tmp_path / "conf"
    for folder, names in ((ours, "b.jar a.jar B.jar x.txt"), (sparks, "d.jar c.jar")):
        folder.mkdir()
        for name in names.split():
            (folder / name).touch()
    given = f"{ours}/*:{conf}:{sparks}/d.jar:{sparks}/*:{sparks}/none.jar"
    first, option, path, *rest = started(tmp_path, "-Xmx1g", "-cp", given, "Main", "*", "a b", "")
    expected = [ours / "B.jar", ours / "a.jar", ours / "b.jar", sparks / "d.jar", sparks / "c.jar"]
    assert path.split(":") == [str(jar) for jar in expected]
    assert [first, option, *rest] == ["-Xmx1g", "-cp", "Main", "*", "a b", ""]


def test_a_command_without_a_class_path_is_unchanged(tmp_path: Path) -> None:
    assert started(tmp_path, "-version") == ["-version"]


def test_temporary_files_are_in_the_folder_that_the_next_start_removes(tmp_path: Path) -> None:
    scratch = tmp_path / "a run/scratch-1"
    found = started(tmp_path, "-version", scratch=str(scratch))
    assert found == [f"-Djava.io.tmpdir={scratch}", "-version"]
    assert scratch.is_dir()
