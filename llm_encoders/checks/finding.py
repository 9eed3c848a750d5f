"""What a check found."""

from dataclasses import dataclass

OK, FAULT, UNKNOWN = "OK", "FAULT", "not checked"


@dataclass(frozen=True)
class Finding:
    """One line of a report."""

    check: str
    """What was checked, in a few words."""
    figure: str
    """What was measured, or why nothing was."""
    cure: str | None = None
    """What to do about a fault, a sentence; ``None`` where there is none."""
    known: bool = True
    """False where nothing independent says what would be right."""

    @property
    def verdict(self) -> str:
        """``"OK"``, ``"FAULT"`` or ``"not checked"``."""
        if self.cure is not None:
            return FAULT
        return OK if self.known else UNKNOWN


def not_checked(check: str, why: str) -> Finding:
    """A check that has nothing to compare with."""
    return Finding(check, why, known=False)
