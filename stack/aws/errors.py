"""What can go wrong on the way to AWS.

AwsError (a StackError)
+-- PackageError     an artefact can't be built
+-- DeployError      AWS refused something, or a stack didn't come about
"""

from __future__ import annotations

from stack.errors import StackError


class AwsError(StackError):
    """Base of every error of this package."""


class PackageError(AwsError):
    """An artefact can't be built."""


class DeployError(AwsError):
    """AWS refused something, or a stack didn't come about."""
