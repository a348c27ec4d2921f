"""The settings of the account that is deployed to, before all of them can be known."""

from __future__ import annotations

import re
from collections.abc import Mapping

from contract.errors import SettingError
from contract.settings import PARSERS

PLACEHOLDER = re.compile(r"<[^<>]*>")
"""What is to be filled in, in a file with settings."""

FIRST = ("USER_ID", "AWS_REGION")
"""Variables without which there is no account to deploy to."""


def known(environment: Mapping[str, str]) -> dict[str, str]:
    """Return ``environment`` without the settings that still are placeholders.

    Most addresses are told by the deployment itself, so its own settings are taken as not given
    until they are filled in.

    Raises:
        SettingError: USER_ID or AWS_REGION is a placeholder.
    """
    left = {name for name in PARSERS if PLACEHOLDER.search(environment.get(name, ""))}
    for name in FIRST:
        if name in left:
            raise SettingError(name, environment[name], "fill it in first")
    return {name: value for name, value in environment.items() if name not in left}
