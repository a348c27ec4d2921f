"""Uses the names that Spark 4 removed, after the runner's preparation for a runtime."""

import sys

from services.databricks.runner import compat
from services.databricks.runner.after_import import after_import

after_import("pyspark", lambda: compat.install(int(sys.argv[1])))

from pyspark.sql import SparkSession  # noqa: E402
from pyspark.sql.functions import *  # noqa: E402, F403

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
frame = spark.createDataFrame([("a", 1), ("b", 1)], "name string, n int")

# names of `from pyspark.sql.functions import *`
assert frame.select(countDistinct("n"), sumDistinct("n")).first() == (1, 1)  # noqa: F405
assert StructType().add("name", StringType()).names == ["name"]  # noqa: F405
assert isinstance(frame, DataFrame)  # noqa: F405
assert sys.version  # also brought by the star

# methods of a DataFrame, and the helpers with which programs call the JVM
assert frame.sql_ctx.sql("SELECT 1").first() == (1,)
from pyspark.sql.column import _to_java_column, _to_seq  # noqa: E402

assert _to_seq(spark.sparkContext, ["name"], _to_java_column).size() == 1

# pandas on Spark
import pyspark.pandas as ps  # noqa: E402

assert frame.to_pandas_on_spark().shape == frame.to_koalas().shape == (2, 2)
days = ps.DataFrame({"day": ps.to_datetime(["2020-01-01", "2020-12-31"]), "n": [1, 2]})
assert dict(days.iteritems()).keys() == {"day", "n"}
assert days.append(days, ignore_index=True).shape == (4, 2)
assert days.n.append(days.n).shape == (4,)
assert days.day.dt.week.to_list() == days.day.dt.weekofyear.to_list() == [1, 53]
assert days.n.is_monotonic
assert isinstance(days.index, ps.Int64Index)
assert days.groupby("n").pad().shape == (2, 1)
for missing in (days.mad, days.n.mad, days.groupby("n").mad):
    try:
        missing()
    except NotImplementedError as error:
        assert "mad()` is deprecated" in str(error), error  # noqa: PT017
        assert "Use " in str(error), error  # noqa: PT017
    else:
        raise AssertionError(missing)
spark.stop()
