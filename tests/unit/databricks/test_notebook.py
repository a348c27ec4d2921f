"""The cells of exported notebooks."""

import json
from pathlib import Path

import nbformat
import pytest

from services.databricks.notebook import (
    NotebookError,
    cell_magic,
    document,
    find,
    load,
    opened,
    workspace_path,
)
from services.databricks.runner.dbutils.dbutils import Widgets
from services.databricks.runner.kernel.sql import bound, define, statements

SOURCE = """# Databricks notebook source
x = 1

# COMMAND ----------

# DBTITLE 1,Named
# MAGIC %sql
# MAGIC SELECT 1
# MAGIC
# MAGIC FROM y

# COMMAND ----------

# MAGIC %run "./a b" $x="1"

# COMMAND ----------

# COMMAND ----------

# MAGIC %pip install z
# MAGIC import z
"""


def test_cells_of_a_source_file(tmp_path: Path) -> None:
    (tmp_path / "book.py").write_text(SOURCE)
    cells = load(tmp_path / "book.py")
    assert [(cell.number, cell.language, cell.source) for cell in cells] == [
        (1, "python", "x = 1"),
        (2, "sql", "%sql\nSELECT 1\n\nFROM y"),
        (3, "run", '%run "./a b" $x="1"'),
        (5, "python", "%pip install z\nimport z"),
    ]


def test_cells_of_a_jupyter_file(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# One\n", "two"]},
        {"cell_type": "code", "source": "SELECT 1"},
        {"cell_type": "code", "source": ["%python\n", "x = 1"]},
        {"cell_type": "raw", "source": "left out"},
    ]
    metadata = {"application/vnd.databricks.v1+notebook": {"language": "sql"}}
    (tmp_path / "book.ipynb").write_text(json.dumps({"cells": cells, "metadata": metadata}))
    found = [(cell.language, cell.source) for cell in load(tmp_path / "book.ipynb")]
    assert found == [
        ("md", "# One\ntwo"),
        ("sql", "%sql\nSELECT 1"),
        ("python", "%python\nx = 1"),
    ]


def test_cells_of_an_sql_file(tmp_path: Path) -> None:
    cells = ["-- Databricks notebook source\nSELECT 1\n", "-- MAGIC %python\n-- MAGIC x"]
    (tmp_path / "book.sql").write_text("-- COMMAND ----------\n".join(cells))
    file, found = opened(str(tmp_path / "book"), "/book")
    assert file.name == "book.sql"
    assert [(cell.language, cell.source) for cell in found] == [
        ("sql", "%sql\nSELECT 1"),
        ("python", "%python\nx"),
    ]


def test_a_document_is_valid(tmp_path: Path) -> None:
    (tmp_path / "book.py").write_text(SOURCE + "# COMMAND ----------\n# MAGIC %md *text*\n")
    book = nbformat.from_dict(document(load(tmp_path / "book.py")))
    nbformat.validate(book)
    assert [cell.cell_type for cell in book.cells] == [*["code"] * 4, "markdown"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["%sql SELECT 1\n"], ["%%sql SELECT 1\n", "\n"]),
        (["%sql\n", "SELECT 1\n"], ["%%sql \n", "SELECT 1\n"]),
        (["%%sh\n", "ls\n"], ["%%sh \n", "ls\n"]),
        (["%python\n", "x\n"], ["\n", "x\n"]),
        (["%run ./x $a=1\n"], ["%%run ./x $a=1\n", "\n"]),
        (["%time x\n"], ["%time x\n"]),
        (["x %sql\n"], ["x %sql\n"]),
    ],
)
def test_a_language_becomes_a_cell_magic(lines: list[str], expected: list[str]) -> None:
    assert cell_magic(lines) == expected


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "book.py").write_text(SOURCE, encoding="utf-8-sig")
    assert load(tmp_path / "book.py")[0].source == "x = 1"


def test_a_file_that_is_no_notebook(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("x = 1\n")
    (tmp_path / "book.ipynb").write_text("[]")
    for name in ("code.py", "book.ipynb"):
        with pytest.raises(NotebookError, match=name):
            load(tmp_path / name)
    assert find(str(tmp_path / "code")) == tmp_path / "code.py"
    assert find(str(tmp_path / "none")) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("./c", "/a/c"),
        ("../c", "/c"),
        ("c/d", "/a/c/d"),
        ("/x/y", "/x/y"),
        ("/Workspace/x", "/x"),
    ],
)
def test_a_path_is_relative_to_the_notebook(path: str, expected: str) -> None:
    assert workspace_path("/a/b", path) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT ';'; SELECT \"a;\" ;", ["SELECT ';'", 'SELECT "a;"']),
        ("-- a; b\nSELECT 1; -- c\n/* d; */", ["-- a; b\nSELECT 1"]),
        (r"SELECT 'it\'s; one'; SELECT `a;b`", [r"SELECT 'it\'s; one'", "SELECT `a;b`"]),
    ],
)
def test_statements_are_split_outside_of_quotes(text: str, expected: list[str]) -> None:
    assert statements(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT :a, ':a', a::int -- :a", "SELECT 'it\\'s \\\\', ':a', a::int -- :a"),
        ("SELECT :b, x:a", "SELECT :b, x'it\\'s \\\\'"),
        ("SELECT getArgument('a'), GETARGUMENT(\"b\")", "SELECT 'it\\'s \\\\', GETARGUMENT(\"b\")"),
        ("SELECT 'getArgument(\"a\")'", "SELECT 'getArgument(\"a\")'"),
    ],
)
def test_widgets_are_bound_as_literals(text: str, expected: str) -> None:
    assert bound(text, {"a": "it's \\"}) == expected


def test_widgets_of_older_notebooks_are_replaced_as_text() -> None:
    assert bound("SELECT ${a}, '$a', $b, :a", {"a": "x"}) == "SELECT x, 'x', $b, 'x'"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("CREATE WIDGET TEXT day DEFAULT '2026-01-02'", {"day": "2026-01-02"}),
        ('-- one\ncreate widget text `day` default "it\'s"', {"day": "it's"}),
        ("CREATE WIDGET TEXT n DEFAULT ''", {"n": ""}),
        ("CREATE WIDGET DROPDOWN c DEFAULT 'a' CHOICES SELECT x FROM t WHERE y = 'b'", {"c": "a"}),
        ("CREATE WIDGET MULTISELECT given DEFAULT 'a' CHOICES (VALUES 'a')", {"given": "mine"}),
        ("REMOVE WIDGET given", None),
    ],
)
def test_sql_creates_and_removes_widgets(text: str, values: dict[str, str] | None) -> None:
    widgets = Widgets({"given": "mine"})
    assert define(text, widgets)
    assert widgets.getAll() == ({} if values is None else {"given": "mine"} | values)


@pytest.mark.parametrize(
    "text", ["SELECT 1", "CREATE WIDGET TEXT day", "CREATE TABLE widget (n INT)"]
)
def test_other_statements_are_no_widgets(text: str) -> None:
    assert not define(text, Widgets({}))
