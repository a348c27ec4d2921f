"""What can go wrong on the way to AWS.

PackageError     an artefact can't be built
DeployError      AWS refused something, or a stack didn't come about
"""

from __future__ import annotations

from pinpipe.errors import StackError


class PackageError(StackError):
    """An artefact can't be built."""


class DeployError(StackError):
    """AWS refused something, or a stack didn't come about."""
