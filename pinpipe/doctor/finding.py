"""The result of a check of the target."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A passed check, or a problem with its remedy."""

    area: str
    """The variable, service or table that was checked."""
    what: str
    remedy: str = ""
    """What to do about the problem; empty if the check passed."""

    @property
    def fine(self) -> bool:
        """Whether the check passed."""
        return not self.remedy

    def __str__(self) -> str:
        return f"{self.area}: {self.what}" + (f"; {self.remedy}" if self.remedy else "")
