"""What a look at the target has found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: fine, or a problem with its remedy."""

    area: str
    """What it's about: a variable, a service, a table."""
    what: str
    remedy: str = ""
    """What to do about it; empty when nothing is wrong."""

    @property
    def fine(self) -> bool:
        """Whether there is nothing to do."""
        return not self.remedy

    def __str__(self) -> str:
        return f"{self.area}: {self.what}" + (f"; {self.remedy}" if self.remedy else "")
