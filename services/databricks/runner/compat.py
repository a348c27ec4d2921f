"""Puts back the names of pyspark that Spark 4 removed, for programs of runtimes below 17.

The lists come from a comparison of the public names of pyspark 3.5.6 and 4.1.4. A method whose
replacement is an expression raises pyspark's error for missing names, which says what to write. The
page bring-your-own.md lists what is not put back.
"""

import importlib
from typing import Any

from services.databricks.runner.after_import import after_import

SPARK_4 = 17
"""First runtime without these names."""

_STAR = {
    "pyspark.sql.functions": (
        "approxCountDistinct bitwiseNOT countDistinct shiftLeft shiftRight shiftRightUnsigned"
        " sumDistinct toDegrees toRadians"
    ),
    "pyspark": "SparkContext",
    "pyspark.errors": "PySparkTypeError PySparkValueError",
    "pyspark.sql": "Column DataFrame",
    "pyspark.sql.types": "ArrayType DataType StringType StructType",
    "typing": (
        "Any Callable Dict Iterable List Optional TYPE_CHECKING Tuple Type Union ValuesView cast"
        " overload"
    ),
}
"""What ``from pyspark.sql.functions import *`` brought, by the module that has it."""

_STAR_MODULES = ("decimal", "functools", "inspect", "sys", "warnings")

_PRIVATE = ("_create_column_from_literal", "_to_java_column", "_to_seq")
"""Helpers of ``pyspark.sql.column`` with which programs call functions of the JVM."""

_ALIASES = {
    "DataFrame": {"iteritems": "items", "koalas": "pandas_on_spark"},
    "Series": {
        "is_monotonic": "is_monotonic_increasing",
        "iteritems": "items",
        "koalas": "pandas_on_spark",
    },
    "Index": {"is_monotonic": "is_monotonic_increasing"},
    "groupby.GroupBy": {"backfill": "bfill", "pad": "ffill"},
}
"""Names of ``pyspark.pandas`` that have another name today, by class."""

_NO_MAD = (
    "frame.MissingPandasLikeDataFrame",
    "series.MissingPandasLikeSeries",
    "groupby.MissingPandasLikeDataFrameGroupBy",
    "groupby.MissingPandasLikeSeriesGroupBy",
)
"""pyspark's classes for missing names to which ``mad`` is added."""


class _Alias:
    """Reads the attribute of another name; unlike a plain copy, the one of the object's class."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        return getattr(owner if instance is None else instance, self._name)


def install(runtime_major: int) -> None:
    """Put the names back, for a runtime that has them; pyspark must be imported.

    Args:
        runtime_major: major version of the Databricks runtime, such as 16.
    """
    if runtime_major >= SPARK_4:
        return
    _install_sql()
    after_import("pyspark.pandas", _install_pandas)


def _install_sql() -> None:
    from pyspark.sql import DataFrame, SQLContext, column, functions
    from pyspark.sql.classic import column as classic

    names = {
        name: getattr(importlib.import_module(module), name)
        for module, listed in _STAR.items()
        for name in listed.split()
    }
    names |= {name: importlib.import_module(name) for name in _STAR_MODULES}
    for name, value in names.items():
        setattr(functions, name, value)
    functions.__all__.extend(sorted(names.keys() - set(functions.__all__)))
    for name in _PRIVATE:
        for module in (column, functions):
            setattr(module, name, getattr(classic, name))
    # pyspark's own subclass of DataFrame inherits these.
    DataFrame.to_koalas = DataFrame.to_pandas_on_spark = _Alias("pandas_api")
    DataFrame.sql_ctx = property(
        lambda frame: SQLContext.getOrCreate(frame.sparkSession.sparkContext)
    )


def _install_pandas() -> None:
    import pyspark.pandas as ps
    from pyspark.pandas import groupby
    from pyspark.pandas.datetimes import DatetimeMethods
    from pyspark.pandas.missing import unsupported_function
    from pyspark.sql.functions import weekofyear

    classes = {
        "DataFrame": ps.DataFrame,
        "Series": ps.Series,
        "Index": ps.Index,
        "groupby.GroupBy": groupby.GroupBy,
    }
    for owner, aliases in _ALIASES.items():
        for name, today in aliases.items():
            setattr(classes[owner], name, _Alias(today))
    for path in _NO_MAD:
        module, _, missing = path.rpartition(".")
        owner_class = getattr(importlib.import_module(f"pyspark.pandas.missing.{module}"), missing)
        owner_class.mad = unsupported_function(
            missing.removeprefix("MissingPandasLike"),
            "mad",
            deprecated=True,
            reason="Use (s - s.mean()).abs().mean().",
        )

    def append(self: Any, other: Any, ignore_index: bool = False, sort: bool = False) -> Any:
        return ps.concat([self, other], ignore_index=ignore_index, sort=sort)

    ps.DataFrame.append = ps.Series.append = append
    ps.DataFrame.to_spark_io = lambda self, *args, **options: self.spark.to_spark_io(
        *args, **options
    )
    week = property(lambda self: self._data.spark.transform(lambda c: weekofyear(c).cast("long")))
    DatetimeMethods.week = DatetimeMethods.weekofyear = week
    week = property(lambda self: ps.Index(self.to_series().dt.week))
    ps.DatetimeIndex.week = ps.DatetimeIndex.weekofyear = week
    ps.Int64Index = ps.Float64Index = ps.Index
    ps.__all__ += ["Int64Index", "Float64Index"]
