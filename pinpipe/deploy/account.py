"""The settings of the target account, some of which are placeholders before a deployment."""

import re
from collections.abc import Mapping

from contract.errors import SettingError
from contract.settings import PARSERS

PLACEHOLDER = re.compile(r"<[^<>]*>")
"""A placeholder in a file with settings."""

FIRST = ("USER_ID", "AWS_REGION")
"""Variables that every deployment needs."""


def without_placeholders(environment: Mapping[str, str]) -> dict[str, str]:
    """Return ``environment`` without the settings that still are placeholders.

    A deployment has most addresses in its outputs, so their settings may be filled in later.

    Raises:
        SettingError: USER_ID or AWS_REGION is a placeholder.
    """
    left = {name for name in PARSERS if PLACEHOLDER.search(environment.get(name, ""))}
    for name in FIRST:
        if name in left:
            raise SettingError(name, environment[name], "fill it in first")
    return {name: value for name, value in environment.items() if name not in left}
