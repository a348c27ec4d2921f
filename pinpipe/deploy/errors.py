"""The errors of building and deploying.

PackageError     an artefact can't be built
DeployError      AWS refused a call, or a stack failed
"""

from pinpipe.errors import StackError


class PackageError(StackError):
    """An artefact can't be built."""


class DeployError(StackError):
    """AWS refused a call, or a stack failed."""
