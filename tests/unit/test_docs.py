"""The pages of docs compared with the tree: names exist, and every command and target is named."""

import re
from pathlib import Path

import click
import pytest

from contract.settings import PARSERS
from pinpipe.cli import main
from tests.support import ROOT

GUIDE = {
    name: (ROOT / name).read_text()
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/README.md",
        "docs/getting-started.md",
        "docs/hops.md",
        "docs/configuration.md",
        "docs/kafka-logins.md",
        "docs/airflow-and-databricks.md",
        "docs/data.md",
        "docs/testing.md",
        "docs/development.md",
    )
}
"""The pages on using and on changing the project."""
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
}
CODE = [
    item
    for text in GUIDE.values()
    for item in re.findall(r"```\w*\n(.*?)```|`([^`\n]+)`", text, re.DOTALL)
]
SPANS = [span for _, span in CODE if span]
COMMANDS = "\n".join(block or span for block, span in CODE)
"""All code blocks and code spans of the guide."""

MADE = (".build/", ".run/", "dist/")
"""Folders that exist only after an installation, a build or a run."""

README_WORDS = 700
"""Most words of the README, code included: the first page is for everybody."""


def make_targets() -> set[str]:
    """Targets that `make help` prints."""
    return set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def pinpipe_commands(group: click.Group = main, prefix: str = "") -> set[str]:
    """Every command of pinpipe, after the name of its group."""
    found = set()
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= pinpipe_commands(command, f"{prefix}{name} ")
        else:
            found.add(prefix + name)
    return found


def named_commands() -> set[str]:
    """Every command of pinpipe that the guide names."""
    groups = "|".join(name for name, item in main.commands.items() if isinstance(item, click.Group))
    return set(re.findall(rf"\bpinpipe ((?:(?:{groups}) )?[a-z]+)", COMMANDS))


def test_every_make_target_is_named_and_every_one_named_exists() -> None:
    assert set(re.findall(r"\bmake ([a-z][a-z0-9-]*)", COMMANDS)) == make_targets()


def test_every_pinpipe_command_is_named_and_every_one_named_exists() -> None:
    """`make demo` names `pinpipe demo` as well: a target calls the command of its name."""
    assert named_commands() - pinpipe_commands() == set()
    assert pinpipe_commands() - named_commands() - make_targets() == set()


@pytest.mark.parametrize("page", sorted(PAGES))
def test_the_target_of_every_link_exists(page: str) -> None:
    links = {link for link in re.findall(r"\]\(([^)#\s]+)\)", PAGES[page]) if "://" not in link}
    folder = (ROOT / page).parent
    assert [link for link in sorted(links) if not (folder / link).exists()] == []


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", sorted(PAGES))
def test_the_anchor_of_every_link_exists(page: str) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#\s]*)#([^)\s]+)\)", PAGES[page])
    here = ROOT / page
    targets = [(here.parent / link if link else here, anchor) for link, anchor in links]
    assert [target for target in targets if target[1] not in anchors(target[0])] == []


def test_every_page_is_in_the_index() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {page for page in pages if f"]({page})" not in PAGES["docs/README.md"]} == set()


def test_the_readme_is_short() -> None:
    text = re.sub(
        r"\]\([^)]*\)|^\|[-|]+\|$|```\w*|[|*`]|^#+ |^- ", " ", GUIDE["README.md"], flags=re.M
    )
    assert 0 < len(text.split()) <= README_WORDS


ELSEWHERE = ("Aiven-Open/", "internal/providers/")
"""Repositories and folders of other projects."""
FORMER_NAMES = {"CHANGELOG.md", "docs/upgrading.md"}
"""Pages that name the files of earlier versions."""
PATHS = {
    path
    for page, text in PAGES.items()
    if page not in FORMER_NAMES
    for path in re.findall(r"`([\w.-]+(?:/[\w.-]+)+/?)(?:::\w+)?`", text)
    if not path.startswith(MADE + ELSEWHERE)
}


@pytest.mark.parametrize("path", sorted(PATHS))
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_variable_is_a_setting() -> None:
    named = {span for span in SPANS if re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", span)}
    example = re.findall(r"^#? ?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert named
    assert named - PARSERS.keys() - set(example) == set()


def test_every_setting_has_a_description() -> None:
    source = (ROOT / "contract/settings.py").read_text()
    described = re.findall(r'(?ms)^    (\w+): [^\n]+ = _setting\(.*?\)\n    """\S', source)
    assert [variable.lower() for variable in PARSERS] == described


SPECIFICATION = PAGES["docs/specification.md"]
SOURCES = [
    path.read_text()
    for path in ROOT.glob("[a-z]*/**/*")
    if path.suffix in {".java", ".py", ".sh", ".yaml", ".yml"}
]
"""Every source file that may cite the specification."""


def test_each_section_of_the_specification_that_is_cited_exists() -> None:
    sections = re.findall(r"^## (\d+)\.", SPECIFICATION, re.MULTILINE)
    cited = {
        number
        for text in [*SOURCES, *PAGES.values()]
        for number in re.findall(r"specification\S*\s+section (\d+)", text)
    }
    assert sections == [str(number) for number in range(1, len(sections) + 1)]
    assert cited
    assert cited - set(sections) == set()


def test_the_original_that_the_code_cites_is_a_section_of_the_specification() -> None:
    assert any("the original" in text for text in SOURCES)
    (section,) = re.findall(
        r"^## \d+\. The original project\n(.*?)(?=^## |\Z)",
        SPECIFICATION,
        re.MULTILINE | re.DOTALL,
    )
    assert '"the original"' in section
