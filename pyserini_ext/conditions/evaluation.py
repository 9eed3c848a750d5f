"""The commands that compute measures: one call of trec_eval for all that share their options."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

MODULE = "pyserini.eval.trec_eval"
_MEASURE = re.compile(r"(?P<options>.*) -m (?P<measure>\S+)")


@dataclass(frozen=True)
class Evaluation:
    """One call of trec_eval."""

    options: str
    """What all its measures share, such as ``-c -l 2``."""
    measures: Mapping[str, str]
    """Measure -> its name for trec_eval, such as ``ndcg_cut.10``."""
    qrels: str
    """A name of Pyserini's, or a file."""
    run: str
    """The file to evaluate."""

    @property
    def words(self) -> list[str]:
        """Options and arguments.

        All cut-offs of a measure are in one ``-m``: of ``-m recall.100 -m recall.1000``, trec_eval
        obeys the first alone.
        """
        cuts: dict[str, list[str]] = {}
        for name in self.measures.values():
            measure, _, cut = name.partition(".")
            cuts.setdefault(measure, []).append(cut)
        asked = [
            word
            for measure, found in cuts.items()
            for word in ("-m", f"{measure}.{','.join(found)}".rstrip("."))
        ]
        return [*shlex.split(self.options), *asked, self.qrels, self.run]

    @property
    def text(self) -> str:
        """The command, as a user types it."""
        return shlex.join(("python", "-m", MODULE, *self.words))


def evaluations(measures: Mapping[str, str], qrels: str, run: str) -> list[Evaluation]:
    """The calls that compute measures.

    Args:
        measures: options of trec_eval by measure, such as ``-c -l 2 -m map``. ``-l`` and ``-M``
            concern all measures of a call, so measures that differ in them are apart.
        qrels: of the evaluations.
        run: of the evaluations.
    """
    groups: dict[str, dict[str, str]] = {}
    for measure, options in measures.items():
        found = _MEASURE.fullmatch(options)
        assert found is not None, options
        groups.setdefault(found["options"], {})[measure] = found["measure"]
    return [Evaluation(options, names, qrels, run) for options, names in groups.items()]
