"""What the doctor prints."""


class Report:
    """Prints findings and counts problems."""

    def __init__(self) -> None:
        self.problems = 0

    def found(self, label: str, value: object) -> None:
        """A fact."""
        print(f"{label:<12} {value}", flush=True)

    def problem(self, label: str, what: str, cure: str) -> None:
        """Something wrong, with what to do."""
        self.problems += 1
        print(f"{label:<12} PROBLEM: {what}\n{'':<12} Cure: {cure}", flush=True)
