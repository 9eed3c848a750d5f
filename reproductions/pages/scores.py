"""Expected scores as readers see them: with no digit that the source does not give."""

from collections.abc import Iterable

from pyserini_ext.conditions import Condition, Score
from reproductions.pages.markdown import table

_NONE = (
    "Expected scores: none. Nobody has measured one with this package, and none was read in a "
    "publication.\n"
)


def digits(scores: Iterable[Score]) -> dict[str, int]:
    """Decimals that each source gives, by the source's text."""
    found: dict[str, int] = {}
    for score in scores:
        decimals = len(repr(score.value).partition(".")[2])
        source = str(score.source)
        found[source] = max(found.get(source, 0), decimals)
    return found


def shown(score: Score, decimals: dict[str, int]) -> str:
    """A score with the decimals of its source."""
    return f"{score.value:.{decimals[str(score.source)]}f}"


def of_condition(condition: Condition) -> dict[str, int]:
    """:func:`digits` over all scores of a condition."""
    return digits(score for task in condition.tasks for score in task.scores.values())


def expected(condition: Condition) -> str:
    """The table of a condition's expected scores, or a sentence where there are none."""
    tasks = [task for task in condition.tasks if task.scores]
    if not tasks:
        return _NONE
    decimals = of_condition(condition)
    measures = list(dict.fromkeys(one for task in tasks for one in task.scores))
    rows = []
    for task in tasks:
        found = {measure: shown(score, decimals) for measure, score in task.scores.items()}
        rows.append((f"`{task.key}`", *(found.get(one, "") for one in measures)))
    sources = dict.fromkeys(
        (score.source for task in tasks for score in task.scores.values()), None
    )
    listed = "".join(f"- {one}{'' if one.measured else '; not run here'}\n" for one in sources)
    return f"{table(('topics', *measures), rows)}\n{tolerance(condition)} Sources:\n\n{listed}"


def tolerance(condition: Condition) -> str:
    """What counts as the same score."""
    family = condition.family
    higher = ", or higher," if family.higher_is_fine else ""
    return f"A score within {family.tolerance:g} of the expected one{higher} counts as reproduced."
