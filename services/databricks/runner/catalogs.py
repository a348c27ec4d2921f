"""Catalogs and volumes of Unity Catalog, for code that names tables by three parts.

``hive_metastore``, ``workspace`` and ``main`` are names of the one catalog that Spark has here,
which its parser reads (``spark/java``). A volume is a folder of DBFS,
``/Volumes/<catalog>/<schema>/<volume>``. The statements about them are not Spark's: this module
recognises them in ``spark.sql``.
"""

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from contract.errors import PipelineError

CATALOGS = ("hive_metastore", "main", "workspace")
OWN = "spark_catalog"
"""Spark's name of the catalog."""
CURRENT = "spark.databricks.sql.initial.catalog.name"
"""Setting with the current catalog of a session; ``current_catalog()`` in SQL reads it."""

CODE = "spark.sql.codegen.factoryMode"
"""Setting with the way in which Spark evaluates expressions."""

_PART = r"(?:`(?:[^`]|``)+`|\w+)"
_NAME = rf"(?P<name>{_PART}(?:\.{_PART})*)"
_LIKE = r"(?:\s+(?:LIKE\s+)?['\"](?P<like>[^'\"]*)['\"])?"
_COMMENTS = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)

NOT_AVAILABLE = re.compile(
    r"(?:GRANT|REVOKE|DENY|SHOW\s+GRANTS?|MSCK\s+REPAIR\s+PRIVILEGES"
    r"|ALTER\s+\w+\s+[\w.`]+\s+(?:SET\s+)?OWNER\s+TO"
    r"|CREATE\s+EXTERNAL\s+VOLUME|(?:ALTER|COMMENT\s+ON)\s+(?:VOLUME|CATALOG)"
    r"|(?:CREATE|ALTER|DROP|SHOW|DESC(?:RIBE)?)\s+(?:FOREIGN\s+CATALOGS?|CONNECTIONS?|SHARES?"
    r"|RECIPIENTS?|PROVIDERS?|GROUPS?|USERS?|EXTERNAL\s+LOCATIONS?|(?:STORAGE\s+)?CREDENTIALS?)"
    r"|(?:CREATE|DROP|DESC(?:RIBE)?)\s+CATALOG)\b",
    re.IGNORECASE,
)
"""Statements that are refused by name."""


class NotAvailableError(PipelineError):
    """A statement of Unity Catalog that has no meaning on this machine."""


class _Session:
    """The statements of one session."""

    def __init__(self, spark: Any, sql: Callable[[str], Any]) -> None:
        self._spark, self._sql = spark, sql

    @property
    def catalog(self) -> str:
        """The current catalog."""
        name: str = self._spark.conf.get(CURRENT, CATALOGS[0])
        return name

    def use_catalog(self, name: str) -> Any:
        """Make a catalog the current one, with its schema ``default``."""
        self._spark.conf.set(CURRENT, _known(_parts(name)[-1]))
        return self._sql(f"USE {OWN}.default")

    def use_schema(self, name: str) -> Any:
        """Make a schema the current one, with its catalog where the name has one."""
        result = self._sql(f"USE {name}")
        catalog, *schema = _parts(name)
        if schema and catalog.lower() in CATALOGS:
            self._spark.conf.set(CURRENT, catalog.lower())
        return result

    def show_catalogs(self, like: str | None) -> Any:
        """The catalogs."""
        return self._table("catalog", [[name] for name in CATALOGS if _matches(name, like)])

    def create_volume(self, name: str, condition: str | None) -> Any:
        """Make the folder of a volume."""
        files, path = self._volume(name)
        if files.exists(path) and not condition:
            raise _analysis(f"[VOLUME_ALREADY_EXISTS] Volume {name} already exists")
        files.mkdirs(path)
        return self._table("", [])

    def drop_volume(self, name: str, condition: str | None) -> Any:
        """Remove a volume with its files."""
        files, path = self._volume(name)
        if not files.delete(path, True) and not condition:
            raise _not_found(name)
        return self._table("", [])

    def describe_volume(self, name: str) -> Any:
        """The names and the folder of a volume."""
        files, path = self._volume(name)
        if not files.exists(path):
            raise _not_found(name)
        row = [*reversed(self._full(name)), f"dbfs:{path.toUri().getPath()}", "MANAGED"]
        return self._table("name,database,catalog,storage_location,volume_type", [row])

    def show_volumes(self, name: str | None, like: str | None) -> Any:
        """The volumes of a schema."""
        schema = _parts(name) if name else [self._schema]
        files, path = self._at("/".join([self.catalog, *schema][-2:]))
        found = files.listStatus(path) if files.exists(path) else []
        names = sorted(one.getPath().getName() for one in found)
        rows = [[schema[-1], volume] for volume in names if _matches(volume, like)]
        return self._table("database,volume_name", rows)

    @property
    def _schema(self) -> str:
        name: str = self._spark.catalog.currentDatabase()
        return name

    def _full(self, name: str) -> list[str]:
        """Catalog, schema and volume."""
        parts = [self.catalog, self._schema]
        found = _parts(name)
        return parts[: max(0, 3 - len(found))] + found

    def _volume(self, name: str) -> tuple[Any, Any]:
        """The file system and the folder of a volume, in a schema that exists."""
        catalog, schema, *volume = self._full(name)
        if len(volume) != 1:
            raise _analysis(f"A volume is named [catalog.][schema.]volume: {name}")
        catalog = _known(catalog)
        if not self._spark.catalog.databaseExists(f"{OWN}.{quoted(schema)}"):
            raise _analysis(f"[SCHEMA_NOT_FOUND] The schema {schema} cannot be found")
        return self._at(f"{catalog}/{schema}/{volume[0]}")

    def _at(self, path: str) -> tuple[Any, Any]:
        context = self._spark.sparkContext
        found = context._jvm.org.apache.hadoop.fs.Path(f"dbfs:/Volumes/{path}")
        return found.getFileSystem(context._jsc.hadoopConfiguration()), found

    def _table(self, columns: str, rows: Iterable[Sequence[str]]) -> Any:
        fields = ", ".join(f"{name} string" for name in columns.split(",") if name)
        return self._spark.createDataFrame(list(map(tuple, rows)), fields or "struct<>")


_STATEMENTS: tuple[tuple[re.Pattern[str], Callable[..., Any]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), call)
    for pattern, call in (
        (rf"(?:USE|SET)\s+CATALOG\s+['\"]?{_NAME}['\"]?", _Session.use_catalog),
        (
            rf"USE\s+(?:(?:SCHEMA|DATABASE|NAMESPACE)\s+)?(?P<name>{_PART}\.{_PART})",
            _Session.use_schema,
        ),
        (rf"SHOW\s+CATALOGS{_LIKE}", _Session.show_catalogs),
        (
            rf"CREATE\s+VOLUME\s+(?P<condition>IF\s+NOT\s+EXISTS\s+)?{_NAME}"
            r"(?:\s+COMMENT\s+(?:'[^']*'|\"[^\"]*\"))?",
            _Session.create_volume,
        ),
        (rf"DROP\s+VOLUME\s+(?P<condition>IF\s+EXISTS\s+)?{_NAME}", _Session.drop_volume),
        (rf"DESC(?:RIBE)?\s+VOLUME\s+{_NAME}", _Session.describe_volume),
        (rf"SHOW\s+VOLUMES(?:\s+(?:IN|FROM)\s+{_NAME})?{_LIKE}", _Session.show_volumes),
    )
)


def install() -> None:
    """Add the statements to ``SparkSession.sql``, and the catalogs to ``spark.catalog``."""
    from pyspark.sql import SparkSession
    from pyspark.sql.catalog import Catalog, CatalogMetadata

    plain = SparkSession.sql

    def of(spark: Any) -> _Session:
        return _Session(spark, functools.partial(plain, spark))

    @functools.wraps(plain)
    def sql(spark: Any, sqlQuery: str, *args: Any, **kwargs: Any) -> Any:
        statement = sqlQuery[_COMMENTS.match(sqlQuery).end() :].rstrip("; \t\n")  # type: ignore[union-attr]
        if refused := NOT_AVAILABLE.match(statement):
            name = " ".join(refused[0].upper().split())
            raise NotAvailableError(f"not available here: {name}; there is no Unity Catalog")
        for pattern, call in _STATEMENTS:
            if match := pattern.fullmatch(statement):
                return call(of(spark), **match.groupdict())
        return plain(spark, sqlQuery, *args, **kwargs)

    def list_catalogs(catalog: Any, pattern: str | None = None) -> list[CatalogMetadata]:
        return [CatalogMetadata(name, None) for name in CATALOGS if _matches(name, pattern)]

    SparkSession.sql = sql
    Catalog.currentCatalog = lambda self: of(self._sparkSession).catalog
    Catalog.setCurrentCatalog = lambda self, catalogName: of(self._sparkSession).use_catalog(
        catalogName
    )
    Catalog.setCurrentDatabase = lambda self, dbName: of(self._sparkSession).use_schema(dbName)
    Catalog.listCatalogs = list_catalogs
    for name in ("databaseExists", "getDatabase", "listTables", "listFunctions"):
        setattr(Catalog, name, _with_own_catalog(getattr(Catalog, name)))
    for name in ("getTable", "listTables"):
        setattr(Catalog, name, _with_generated_code(getattr(Catalog, name)))


def _with_generated_code(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method whose result Spark 4.1's interpreter of expressions can't decode."""

    @functools.wraps(method)
    def call(catalog: Any, *args: Any, **kwargs: Any) -> Any:
        # Rows are decoded under the settings of the thread's session, which may be another.
        conf = catalog._sparkSession._jvm.SparkSession.active().conf()
        mode = conf.get(CODE)
        conf.set(CODE, "FALLBACK")
        try:
            return method(catalog, *args, **kwargs)
        finally:
            conf.set(CODE, mode)

    return call


def _with_own_catalog(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method whose first argument is a schema, with or without a catalog."""

    @functools.wraps(method)
    def call(catalog: Any, dbName: str | None = None, *args: Any, **kwargs: Any) -> Any:
        if dbName and len(parts := _parts(dbName)) == 2 and parts[0].lower() in CATALOGS:
            dbName = f"{OWN}.{quoted(parts[1])}"
        return method(catalog, dbName, *args, **kwargs)

    return call


def _known(catalog: str) -> str:
    if catalog.lower() not in (*CATALOGS, OWN):
        raise _analysis(
            f"[CATALOG_NOT_FOUND] The catalog `{catalog}` not found. "
            f"There are {', '.join(CATALOGS)}, which are the same."
        )
    return catalog.lower()


def _parts(name: str) -> list[str]:
    return [part.strip("`").replace("``", "`") for part in re.findall(_PART, name)]


def quoted(name: str) -> str:
    """A name as SQL has it, in backquotes."""
    return "`" + name.replace("`", "``") + "`"


def _matches(name: str, pattern: str | None) -> bool:
    return pattern is None or any(fnmatchcase(name, one) for one in pattern.lower().split("|"))


def _not_found(volume: str) -> Exception:
    return _analysis(f"[VOLUME_NOT_FOUND] The volume {volume} cannot be found")


def _analysis(message: str) -> Exception:
    from pyspark.errors import AnalysisException

    error: Exception = AnalysisException(message)
    return error
