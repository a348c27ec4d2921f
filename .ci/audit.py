"""Looks up known vulnerabilities of locked packages; `make audit` runs it for every lock.

    audit.py LOCK...

pip-audit asks OSV (or PIP_AUDIT_OSV_URL) for each lock of Python packages, and npm its registry for
LocalStack's Kinesis engine. Ends with 0 if nothing is known, with 1 and a line for each
vulnerability, or with 2 and the reason if a database cannot be asked: then nothing is shown.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PIP_AUDIT = (Path(sys.executable).with_name("pip-audit"), "--vulnerability-service", "osv")
OPTIONS = ("--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off")
NPM = ("npm", "audit", "--package-lock-only", "--json", "--fetch-retries", "0")
NODE = "localstack/kinesalite"


class NotAuditedError(Exception):
    """A database cannot be asked."""


def main(locks: Sequence[str]) -> int:
    """Print a line for each vulnerability and return the exit code."""
    found: list[str] = []
    try:
        for lock in locks:
            found += [f"{lock}: {line}" for line in python(lock)]
        found += [f"{NODE}/package-lock.json: {line}" for line in node()]
    except NotAuditedError as error:
        print(f"not audited: {error}", file=sys.stderr)
    else:
        print("\n".join(found) or "no known vulnerability")
        return 1 if found else 0
    return 2


def python(lock: str) -> Iterator[str]:
    """The vulnerabilities of a lock with hashes."""
    for package in answer(*PIP_AUDIT, *OPTIONS, "--requirement", ROOT / lock)["dependencies"]:
        for item in package["vulns"]:
            fixed = ", ".join(item["fix_versions"]) or "no version"
            yield f"{package['name']} {package['version']}: {item['id']}, fixed in {fixed}"


def node() -> Iterator[str]:
    """The vulnerabilities of the lock of npm."""
    for name, item in answer(*NPM)["vulnerabilities"].items():
        titles = [via["title"] for via in item["via"] if isinstance(via, dict)]
        yield (
            f"{name} {item['range']}".strip()
            + f": {'; '.join(titles) or 'a package that it needs'}"
        )


def answer(*command: str | Path) -> Any:
    """The JSON document that a program prints.

    Raises:
        NotAuditedError: there is none, or it is an error.
    """
    try:
        done = subprocess.run(command, cwd=ROOT / NODE, capture_output=True, text=True, check=False)
        document = json.loads(done.stdout)
    except FileNotFoundError as error:
        raise NotAuditedError(f"{error.filename} is not installed") from error
    except json.JSONDecodeError as error:
        raise NotAuditedError(done.stderr.strip().rpartition("\n")[2]) from error
    if "message" in document:
        raise NotAuditedError(f"npm: {document['message']}")
    return document


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
