import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import *


def main():
    spark = SparkSession.builder.appName("daily report").config("spark.sql.shuffle.partitions", "4").getOrCreate()
    df = spark.range(int(sys.argv[1])).withColumn("odd", col("id") % 2 == 1)
    df.groupBy("odd").count().orderBy("odd").show()
    print("odd", df.filter("odd").count())
    spark.stop()


if __name__ == "__main__":
    main()
