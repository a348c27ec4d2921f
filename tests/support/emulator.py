"""The emulator's programs as processes."""

import json
import subprocess
from typing import Any


def finish(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any], str]:
    """Wait for a program's end: exit code, counts (checked to add up), and stderr."""
    with process:
        out, errors = process.communicate(timeout=180)
    counts: dict[str, Any] = json.loads(out) if out.startswith("{") else {}
    for count in [counts, *counts.get("entities", {}).values()] if counts else []:
        assert count["sent"] == count["acknowledged"] + count["failed"], counts
    return process.returncode, counts, errors
