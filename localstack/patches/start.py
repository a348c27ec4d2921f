"""The values of one start of LocalStack that its patches use."""

from dataclasses import dataclass
from pathlib import Path

from contract.settings import Settings


@dataclass(frozen=True, slots=True)
class Start:
    """What every ``install`` receives."""

    settings: Settings
    data: Path
    """Folder of what outlives LocalStack."""
    temporary: Path
    """Folder of temporary files."""
