"""Reading Delta tables without Spark, from a local folder."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from hops import tables
from hops.access import Access
from hops.errors import HopError

WHEN = datetime(2018, 1, 2, 3, 4, 5, tzinfo=UTC)
ROWS = [{"ind": ind, "coordinates": [1.5, float(ind)], "timestamp": WHEN} for ind in (3, 1, 2)]


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return Access({"DELTA_ROOT": str(tmp_path)})


@pytest.fixture
def folder(access: Access) -> Path:
    """A table as Spark writes it."""
    schema = pa.schema(
        [
            ("ind", pa.int64()),
            ("coordinates", pa.list_(pa.float64())),
            ("timestamp", pa.timestamp("us", "UTC")),
        ]
    )
    folder = Path(access.settings.batch_root, "posts")
    write_deltalake(folder, pa.Table.from_pylist(ROWS, schema=schema))
    return folder


@pytest.mark.usefixtures("folder")
def test_rows_come_in_order_with_their_types(access: Access) -> None:
    table = tables.read(access, "posts")
    assert table is not None
    assert (table.version, table.rows) == (0, ROWS)


@pytest.mark.usefixtures("folder")
def test_columns_and_a_key_can_be_selected(access: Access) -> None:
    table = tables.read(access, "posts", ["timestamp", "ind"], key=2)
    assert table is not None
    assert table.rows == [{"timestamp": WHEN, "ind": 2}]
    none = tables.read(access, "posts", key=7528)
    assert none is not None
    assert none.rows == []


def test_a_missing_table_is_none(access: Access) -> None:
    assert tables.read(access, "posts") is None


def test_a_missing_file_is_named(access: Access, folder: Path) -> None:
    (file,) = folder.glob("*.parquet")
    file.unlink()
    with pytest.raises(HopError, match=f"table {re.escape(str(folder))}: .*{file.name}"):
        tables.read(access, "posts")


def test_a_missing_column_is_named(access: Access, folder: Path) -> None:
    with pytest.raises(HopError, match=f"table {re.escape(str(folder))}: .*nonesuch"):
        tables.read(access, "posts", ["nonesuch"])
