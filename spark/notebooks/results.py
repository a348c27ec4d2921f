# Databricks notebook source
# MAGIC %md
# MAGIC # The nine results
# MAGIC
# MAGIC Nine questions about all posts, answered from the three cleaned tables. The queries are those of
# MAGIC `spark/pipeline/batch/queries.py`, from which the job `spark/jobs/run_batch.py` writes its result
# MAGIC tables; here they are views, computed when they are queried. Nothing is written.
# MAGIC
# MAGIC Where the original is ambiguous, a widget offers the choices; its default is the project's
# MAGIC answer.

# COMMAND ----------

# DBTITLE 1,Parameters
from contract.settings import Settings

settings = Settings.from_environ()
spark.conf.set("spark.sql.ansi.enabled", "true")  # as the jobs, whatever the cluster's runtime is
dbutils.widgets.text("user_id", settings.user_id, "User id")
dbutils.widgets.text("tables", settings.batch_root, "Folder of the tables")
dbutils.widgets.dropdown("ties", "all", ["all", "first"], "Equal places: all rows, or the first")
dbutils.widgets.text("top", "", "Places of question 5 (empty: all)")
dbutils.widgets.dropdown("year", "date_joined", ["date_joined", "timestamp"], "Year of 9 to 11")
dbutils.widgets.dropdown("count", "users", ["users", "rows"], "What 8 to 11 count")
user_id, root = dbutils.widgets.get("user_id"), dbutils.widgets.get("tables")

# COMMAND ----------

# MAGIC %md
# MAGIC ## All posts in one frame
# MAGIC
# MAGIC The three tables joined by key. Rows that have not arrived yet are null, and a question leaves out
# MAGIC the posts that lack a value it needs.

# COMMAND ----------

from contract import names
from contract.entities import ENTITIES
from spark.pipeline.batch.queries import ResultOptions, posts, results
from spark.pipeline.delta.tables import Table

top = dbutils.widgets.get("top")
options = ResultOptions(
    ties=dbutils.widgets.get("ties"),
    top=int(top) if top else None,
    year=dbutils.widgets.get("year"),
    count=dbutils.widgets.get("count"),
)
cleaned = {e.name: Table(f"{root}/{names.table(user_id, e)}").read(spark) for e in ENTITIES}
joined = posts(**cleaned).cache()
for name, answer in results(joined, options).items():
    answer.createOrReplaceTempView(f"result_{name}")
display(joined.orderBy("ind").limit(10))

# COMMAND ----------

# MAGIC %md
# MAGIC ## 4. Most popular category in each country
# MAGIC
# MAGIC Categories that share the first place of a country are all listed, unless `ties` is `first`.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT country, category, category_count
# MAGIC FROM result_4 ORDER BY country, category

# COMMAND ----------

# MAGIC %md
# MAGIC ## 5. Posts per category and year, 2018 to 2022, most popular first
# MAGIC
# MAGIC Every category of a year, unless `top` says how many places. The year is that of the post.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT post_year, category, category_count
# MAGIC FROM result_5 ORDER BY post_year, category_count DESC, category

# COMMAND ----------

# MAGIC %md
# MAGIC ## 6a. Most followed user of each country
# MAGIC
# MAGIC Users with equally many followers are all listed, unless `ties` is `first`.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT country, poster_name, follower_count
# MAGIC FROM result_6a ORDER BY country, poster_name

# COMMAND ----------

# MAGIC %md
# MAGIC ## 6b. Country with the most followed user
# MAGIC
# MAGIC One row: of countries whose most followed users are equal, the first by name.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT country, follower_count
# MAGIC FROM result_6b

# COMMAND ----------

# MAGIC %md
# MAGIC ## 7. Most popular category by age group
# MAGIC
# MAGIC Groups are 18-24, 25-35, 36-50 and 50+, which begins at 51.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT age_group, category, category_count
# MAGIC FROM result_7 ORDER BY age_group, category_count DESC, category

# COMMAND ----------

# MAGIC %md
# MAGIC ## 8. Median follower count by age group
# MAGIC
# MAGIC A user counts once, however many posts they have, unless `count` is `rows`.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT age_group, median_follower_count
# MAGIC FROM result_8 ORDER BY age_group

# COMMAND ----------

# MAGIC %md
# MAGIC ## 9. Users joined per year, 2015 to 2020

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT post_year, number_users_joined
# MAGIC FROM result_9 ORDER BY post_year

# COMMAND ----------

# MAGIC %md
# MAGIC ## 10. Median follower count by joining year, 2015 to 2020
# MAGIC
# MAGIC The year is that of joining, or of posting if `year` is `timestamp`.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT post_year, median_follower_count
# MAGIC FROM result_10 ORDER BY post_year

# COMMAND ----------

# MAGIC %md
# MAGIC ## 11. Median follower count by joining year and age group

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT age_group, post_year, median_follower_count
# MAGIC FROM result_11 ORDER BY age_group, post_year
