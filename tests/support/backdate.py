"""Changes the times of LocalStack's objects; run it with LocalStack's Python while that is stopped.

python tests/support/backdate.py FOLDER '{"key": "2026-11-22T10:00:00+00:00"}'
"""

import json
import pickle
import sys
from datetime import datetime
from pathlib import Path


def main(folder: str, wanted: str) -> int:
    """Change the time in each object's file; return the exit status."""
    times = json.loads(wanted)
    for path in Path(folder).iterdir():
        with path.open("rb") as file:
            attributes, body = pickle.load(file), file.read()
        if attributes["key"] in times:
            attributes["last_modified"] = datetime.fromisoformat(times.pop(attributes["key"]))
            path.write_bytes(pickle.dumps(attributes) + body)
    return 1 if times else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
