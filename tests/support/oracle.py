"""The nine results and the cleaned tables, computed a second time by DuckDB from the source.

It follows the specification alone, in plain SQL with its own cleaning, so that it does not repeat
an error of the Spark code. The input is the three source tables as Arrow tables, with the columns
of the source database, without objects, JSON or Delta tables in between.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

# White space in the sense of Unicode, which includes the no-break space.
_SPACE = r"[\s\p{Z}\x{85}]"

_CLEAN = rf"""
create macro filled(x) as
    case when x is null or regexp_full_match(x, '{_SPACE}*') then null else x end;
create macro path_of(x) as nullif(regexp_extract(x, '/.*', 0, 's'), '');
create macro followers(x) as (
    case when regexp_full_match(
        x, '{_SPACE}*[0-9]{{1,15}}(\.[0-9]{{1,6}})?{_SPACE}*[kKmM]?{_SPACE}*')
    then (
        with parts as (
            select try_cast(regexp_extract(x, '[0-9]+(\.[0-9]+)?') as decimal(30, 6))
                * case lower(regexp_extract(x, '[kKmM]'))
                    when 'k' then 1000 when 'm' then 1000000 else 1 end as total)
        select case when total = floor(total) then total::bigint end from parts)
    end);

create table pin as select
    "index" as ind,
    filled(unique_id) as unique_id,
    case when title = 'No Title Data Available' then null else filled(title) end as title,
    case when description in ('No description available',
                              'No description available Story format')
        then null else filled(description) end as description,
    followers(follower_count) as follower_count,
    case when poster_name = 'User Info Error' then null else filled(poster_name) end as poster_name,
    case when tag_list = 'N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e'
        then null else filled(tag_list) end as tag_list,
    filled(is_image_or_video) as is_image_or_video,
    case when image_src = 'Image src error.' then null else filled(image_src) end as image_src,
    path_of(save_location) as save_location,
    filled(category) as category
from source_pin;

create table geo as select
    ind,
    filled(country) as country,
    case when latitude is not null and longitude is not null
        then [latitude::double, longitude::double] end as coordinates,
    "timestamp"::timestamp as "timestamp"
from source_geo;

create table "user" as select
    ind,
    nullif(concat_ws(' ', filled(first_name), filled(last_name)), '') as user_name,
    age,
    date_joined::timestamp as date_joined
from source_user;

create macro group_of(age) as case
    when age < 18 then null
    when age <= 24 then '18-24'
    when age <= 35 then '25-35'
    when age <= 50 then '36-50'
    when age > 50 then '50+' end;
"""

# One row per user: name, age and joining date identify a user.
_PEOPLE = """
    select user_name, age, date_joined, max(follower_count) as follower_count
    from pin join "user" using (ind)
    group by all
"""

_QUERIES = {
    "4": """
        with counted as (
            select country, category, count(*) as category_count from pin join geo using (ind)
            where country is not null and category is not null group by all)
        select * from counted c where category_count =
            (select max(category_count) from counted o where o.country = c.country)""",
    "5": """
        select year("timestamp") as post_year, category, count(*) as category_count
        from pin join geo using (ind)
        where "timestamp" >= '2018-01-01' and "timestamp" < '2023-01-01' and category is not null
        group by all""",
    "6a": """
        with best as (
            select country, max(follower_count) as follower_count from pin join geo using (ind)
            where poster_name is not null group by all)
        select distinct country, poster_name, follower_count
        from pin join geo using (ind) join best using (country, follower_count)
        where poster_name is not null""",
    "6b": """
        select country, follower_count from pin join geo using (ind)
        where follower_count is not null and country is not null and poster_name is not null
        order by follower_count desc, country limit 1""",
    "7": """
        with counted as (
            select group_of(age) as age_group, category, count(*) as category_count
            from pin join "user" using (ind)
            where group_of(age) is not null and category is not null group by all)
        select * from counted c where category_count =
            (select max(category_count) from counted o where o.age_group = c.age_group)""",
    "8": f"""
        select group_of(age) as age_group, median(follower_count) as median_follower_count
        from ({_PEOPLE}) where follower_count is not null and group_of(age) is not null
        group by all""",
    "9": """
        select year(date_joined) as post_year, count(*) as number_users_joined
        from (select distinct user_name, age, date_joined from "user")
        where year(date_joined) between 2015 and 2020 group by all""",
    "10": f"""
        select year(date_joined) as post_year, median(follower_count) as median_follower_count
        from ({_PEOPLE})
        where follower_count is not null and year(date_joined) between 2015 and 2020
        group by all""",
    "11": f"""
        select group_of(age) as age_group, year(date_joined) as post_year,
            median(follower_count) as median_follower_count
        from ({_PEOPLE})
        where follower_count is not null and group_of(age) is not null
            and year(date_joined) between 2015 and 2020
        group by all""",
}


class Oracle:
    """The cleaned tables and results of one set of source rows."""

    def __init__(self, pin: pa.Table, geo: pa.Table, user: pa.Table) -> None:
        self._duckdb = duckdb.connect()
        self._duckdb.execute("set threads = 2")
        for name, table in (("pin", pin), ("geo", geo), ("user", user)):
            self._duckdb.register(f"source_{name}", table)
        self._duckdb.execute(_CLEAN)

    def cleaned(self, entity: str) -> dict[int, tuple[Any, ...]]:
        """Cleaned rows of an entity by key, in the order of the specification's columns."""
        rows = self._duckdb.execute(f'select * from "{entity}"').fetchall()
        return {row[0]: row for row in rows}

    def result(self, name: str) -> set[tuple[Any, ...]]:
        """Rows of one result, in no order."""
        rows = self._duckdb.execute(_QUERIES[name]).fetchall()
        assert len(set(rows)) == len(rows), f"result {name} has the same row twice"
        return set(rows)

    def check_cleaned(self, entity: str, found: Iterable[dict[str, Any]]) -> None:
        """Compare the rows of a cleaned table with those from the source."""
        rows, wanted = [plain(row) for row in found], self.cleaned(entity)
        assert len(rows) == len(wanted)
        assert {row[0]: row for row in rows} == wanted

    def check_result(self, name: str, found: Iterable[dict[str, Any]]) -> None:
        """Compare the rows of a result's table with those from the source."""
        rows = [plain(row) for row in found]
        assert len(rows) == len(set(rows)), f"result {name} has the same row twice"
        assert set(rows) == self.result(name), f"result {name}"


def plain(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return the values of a table's row as in DuckDB, whose dates have no zone."""
    return tuple(
        v.astimezone(UTC).replace(tzinfo=None) if isinstance(v, datetime) else v
        for v in row.values()
    )
