"""``dbutils.widgets``: parameters of a notebook, with defaults that the notebook gives."""

from __future__ import annotations

from collections.abc import Mapping


class InputWidgetNotDefined(Exception):
    """There is no such widget, and no parameter of that name was given."""


class Widgets:
    """The calls of ``dbutils.widgets``."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = dict(given)
        self._defaults: dict[str, str] = {}

    def text(self, name: str, default: str = "", label: str = "", **more: str) -> None:
        """Define a widget; a given value wins over the default."""
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
            InputWidgetNotDefined: there is none.
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
