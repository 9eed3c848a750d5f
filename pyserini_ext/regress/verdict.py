"""Is a score the expected one? By the rules of Pyserini's harness for the family."""

import math
from dataclasses import dataclass

from pyserini_ext.conditions import Family, Score

OK, OKISH, FAIL, UNKNOWN = "OK", "OKish", "FAIL", "new"


@dataclass(frozen=True)
class Verdict:
    """A measured score beside the expected one."""

    measured: float
    expected: Score | None
    word: str
    """``OK``: equal. ``OKish``: within the tolerance. ``FAIL``. ``new``: nothing is expected."""

    @property
    def failed(self) -> bool:
        """Whether it makes the condition fail."""
        return self.word == FAIL


def judge(family: Family, measured: float, expected: Score | None) -> Verdict:
    """Compare a score with the expected one."""
    return Verdict(measured, expected, _word(family, measured, expected))


def _word(family: Family, measured: float, expected: Score | None) -> str:
    if expected is None:
        return UNKNOWN
    if math.isclose(measured, expected.value):
        return OK
    distance = round(abs(measured - expected.value), 6)  # of two figures with four digits
    if distance <= max(family.tolerance, expected.flaky):
        return OKISH
    return OKISH if family.higher_is_fine and measured > expected.value else FAIL
