"""Fails on a word that docs/glossary.md has retired, in any tracked text; `make lint` runs it."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = "docs/glossary.md"
EXCLUDED = {
    GLOSSARY,
    "LICENSE",
    "docs/upgrading.md",  # former names
    "emulator/dataset/generators/words.py",  # the words of generated texts
}
GENERATED = re.compile(r"requirements/.*\.txt|.*constraints\.txt|.*package-lock\.json")


def retired() -> list[str]:
    """The first column of the table of retired words."""
    table = (ROOT / GLOSSARY).read_text(encoding="utf-8").partition("<!-- retired words: begin -->")
    rows = re.findall(
        r"^\| ([^|]+?) \|", table[2].partition("<!-- retired words: end -->")[0], re.M
    )
    return [row for row in rows if row not in ("retired", "---")]


def main() -> int:
    """Print each line with a retired word; return 1 if one was found."""
    pattern = re.compile(
        rf"(?<![A-Za-z])({'|'.join(map(re.escape, retired()))})(?![A-Za-z])", re.IGNORECASE
    )
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    found = 0
    for name in listed.stdout.decode().rstrip("\0").split("\0"):
        path = ROOT / name
        if name in EXCLUDED or GENERATED.fullmatch(name) or not path.is_file():
            continue
        text = path.read_bytes().decode(errors="replace")
        if name == "CHANGELOG.md":
            text = text.partition("\n## [0.1.0]")[0]
        for number, line in enumerate([name.replace("/", " "), *text.splitlines()]):
            for match in pattern.finditer(line):
                found += 1
                print(f"{name}:{number}: retired word {match[0]!r} ({GLOSSARY})")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
