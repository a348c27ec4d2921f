"""Files of DBFS in Python's file functions, which a process of its own replaces."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import os, shutil, sys
from pathlib import Path

from services.databricks.runner.dbutils.dbfs import Dbfs

Dbfs(Path(sys.argv[1])).take_over_files()
os.makedirs("/dbfs/a/b")
Path("/dbfs/a/b/x").write_text("one")
os.rename("/dbfs/a/b/x", "/dbfs/a/y")
shutil.copy("/dbfs/a/y", "/dbfs/a/z")
shutil.move("/dbfs/a/z", "/dbfs/a/b")
os.replace("/dbfs/a/b/z", "/dbfs/a/z")
with open(file="/dbfs/a/z", mode="a") as file:
    file.write(" two")
shutil.rmtree("/dbfs/a/b")
Path("/dbfs/a/y").unlink()
print([path.name for path in Path("/dbfs/a").iterdir()], os.path.exists("/dbfs/a/b"))
os.makedirs("/Volumes/main/default/files")
Path("/Volumes/main/default/files/x").write_text("in a volume")
print(os.listdir() == os.listdir("."), Path("/dbfs/a/z").read_text())
"""


def test_every_function_finds_the_files_of_dbfs(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "dbfs")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["['z'] False", "True one two"]
    assert (tmp_path / "dbfs/a/z").read_text() == "one two"
    assert (tmp_path / "dbfs/Volumes/main/default/files/x").read_text() == "in a volume"
