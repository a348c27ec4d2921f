"""``dbutils`` of a notebook: its modules, and the context behind ``entry_point``."""

import json
import os
import re
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn

from services.databricks.runner.dbutils.fs import Files
from services.databricks.runner.dbutils.help import Helped

Call = Callable[[str, int, Mapping[str, str]], str]
SECRET = "SECRET_"
"""Secrets are variables of the environment, ``SECRET_<SCOPE>_<KEY>``."""


class SecretError(Exception):
    """The secret does not exist."""


class SecretScope(NamedTuple):
    """A scope."""

    name: str


class SecretMetadata(NamedTuple):
    """A key of a scope."""

    key: str


class Secrets(Helped):
    """The calls of ``dbutils.secrets``; values that were read (``seen``) are redacted in output."""

    def __init__(self, seen: set[str]) -> None:
        self._seen = seen

    def get(self, scope: str, key: str) -> str:
        """A secret.

        Raises:
            SecretError: names the variable that is missing.
        """
        variable = f"{SECRET}{_word(scope)}_{_word(key)}"
        value = os.environ.get(variable)
        if value is None:
            raise SecretError(
                f"Secret does not exist with scope: {scope} and key: {key} (variable {variable})"
            )
        if value:
            self._seen.add(value)
        return value

    def getBytes(self, scope: str, key: str) -> bytes:
        """A secret as bytes."""
        return self.get(scope, key).encode()

    def listScopes(self) -> list[SecretScope]:
        """Scopes: the first words of the names of secrets, which do not say where one ends."""
        names = (name.removeprefix(SECRET) for name in os.environ if name.startswith(SECRET))
        return [SecretScope(word) for word in sorted({n.partition("_")[0].lower() for n in names})]

    def list(self, scope: str) -> list[SecretMetadata]:
        """Keys of a scope, as their variables spell them."""
        start = f"{SECRET}{_word(scope)}_"
        names = sorted(name for name in os.environ if name.startswith(start))
        return [SecretMetadata(name.removeprefix(start).lower()) for name in names]


def _word(name: str) -> str:
    return re.sub(r"\W", "_", name).upper()


class InputWidgetNotDefined(Exception):
    """No widget and no parameter has that name."""


class Widgets(Helped):
    """The calls of ``dbutils.widgets``."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = dict(given)
        self._defaults: dict[str, str] = {}

    def text(self, name: str, default: str = "", label: str = "", **more: str) -> None:
        """Define a widget; a parameter overrides its default."""
        self._defaults[name] = more.get("defaultValue", default)

    def dropdown(
        self,
        name: str,
        default: str = "",
        choices: object = (),
        label: str = "",
        **more: str,
    ) -> None:
        """Define a widget with choices."""
        self.text(name, default, **more)

    combobox = multiselect = dropdown

    def get(self, name: str) -> str:
        """The value of a widget.

        Raises:
            InputWidgetNotDefined: the widget does not exist.
        """
        found = self.getAll()
        if name not in found:
            raise InputWidgetNotDefined(f"No input widget named {name} is defined")
        return found[name]

    def getArgument(self, name: str, default: str = "") -> str:
        """The value of a widget, or a default."""
        return self.getAll().get(name, default)

    def getAll(self) -> dict[str, str]:
        """Every value."""
        return self._defaults | self._given

    def give(self, values: Mapping[str, str]) -> None:
        """Set values, as ``%run`` does."""
        self._given |= values

    def remove(self, name: str) -> None:
        """Remove a widget."""
        self._defaults.pop(name, None)
        self._given.pop(name, None)

    def removeAll(self) -> None:
        """Remove all widgets."""
        self._defaults.clear()
        self._given.clear()


class NotebookExit(BaseException):
    """``dbutils.notebook.exit``: the notebook ends here, with a result."""

    def __init__(self, result: str) -> None:
        super().__init__(result)
        self.result = result


class Optional:
    """A value behind ``get()``, as the context of a notebook returns it."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def get(self) -> str:
        """The value.

        Raises:
            ValueError: the value is missing.
        """
        if self._value is None:
            raise ValueError("None.get")
        return self._value

    def getOrElse(self, other: Any) -> Any:
        """The value, or another."""
        return other if self._value is None else self._value

    def isDefined(self) -> bool:
        """Whether the value exists."""
        return self._value is not None


class Context:
    """The context of a notebook: its run, job and path, but no token."""

    def __init__(self, run: Mapping[str, str], path: str) -> None:
        self._run, self._path = run, path

    def __getattr__(self, name: str) -> Callable[[], Any]:
        values = {
            "notebookPath": self._path,
            "currentRunId": self._run["run_id"],
            "jobId": self._run["job_id"],
            "jobName": self._run["job_name"],
            "apiUrl": self._run["url"],
            "browserHostName": self._run["url"].partition("//")[2],
            "userName": "jobs-api@localhost",
            "clusterId": "local",
            "apiToken": None,
        }
        if name not in values:
            raise AttributeError(f"the context of a notebook has no {name} here")
        return lambda: Optional(values[name])

    def tags(self) -> Any:
        """Tags of the run."""
        return _Tags(self._tags())

    def toJson(self) -> str:
        """The context as JSON."""
        extra = {"notebook_path": self._path, "api_url": self._run["url"]}
        run = {"id": int(self._run["run_id"])} if self._run["run_id"] else None
        return json.dumps({"currentRunId": run, "extraContext": extra, "tags": self._tags()})

    safeToJson = toJson

    def _tags(self) -> dict[str, str]:
        return {
            "jobId": self._run["job_id"],
            "runId": self._run["run_id"],
            "multitaskParentRunId": self._run["job_run_id"],
            "taskKey": self._run["task_key"],
            "jobName": self._run["job_name"],
            "notebookPath": self._path,
            "user": "jobs-api@localhost",
        }


class _Tags:
    def __init__(self, tags: dict[str, str]) -> None:
        self._tags = tags

    def get(self, name: str) -> Optional:
        """A tag."""
        return Optional(self._tags.get(name))

    def apply(self, name: str) -> str:
        """A tag that must exist."""
        return self.get(name).get()


class Notebook(Helped):
    """The calls of ``dbutils.notebook``."""

    def __init__(self, call: Call, context: Context, widgets: Widgets) -> None:
        self._call = call
        self.getContext = lambda: context
        notebook = SimpleNamespace(getContext=self.getContext)
        self.entry_point = SimpleNamespace(
            getDbutils=lambda: SimpleNamespace(notebook=lambda: notebook),
            getCurrentBindings=widgets.getAll,
        )

    def run(
        self, path: str, timeout_seconds: int = 0, arguments: Mapping[str, str] | None = None
    ) -> str:
        """Run another notebook in its own namespace; return its result."""
        return self._call(path, timeout_seconds, arguments or {})

    def exit(self, value: Any) -> NoReturn:
        """End the notebook with a result."""
        raise NotebookExit(str(value))


class TaskValues(Helped):
    """``dbutils.jobs.taskValues``: values that tasks pass to later tasks."""

    def __init__(self, earlier: Mapping[str, Mapping[str, str]], own: dict[str, str]) -> None:
        self._earlier, self._own = earlier, own

    def set(self, key: str, value: Any) -> None:
        """Set a value, which must be JSON."""
        self._own[key] = value if isinstance(value, str) else json.dumps(value)

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:
        """A value of another task."""
        found = self._earlier.get(taskKey, {})
        if key not in found:
            if default is None:
                raise KeyError(f"task {taskKey} has not set {key}")
            return default
        try:
            return json.loads(found[key])
        except ValueError:
            return found[key]


class DBUtils:
    """``dbutils``."""

    def __init__(
        self,
        fs: Files,
        widgets: Widgets,
        secrets: Secrets,
        notebook: Notebook,
        values: TaskValues,
        summarize: Callable[..., None],
    ) -> None:
        self.fs, self.widgets, self.secrets, self.notebook = fs, widgets, secrets, notebook
        self.jobs = SimpleNamespace(taskValues=values)
        self.data = SimpleNamespace(summarize=summarize)
        self.library = SimpleNamespace(restartPython=lambda: None)
        self.entry_point = notebook.entry_point
        self.notebook_entry_point = notebook.entry_point

    def help(self) -> None:
        """Print the modules."""
        print("data, fs, jobs, library, notebook, secrets, widgets: dbutils.fs.help() and the like")

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"dbutils.{name} does not exist in the local Jobs API")
