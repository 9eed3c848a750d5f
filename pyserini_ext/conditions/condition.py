"""A condition, its tasks, and scores that say where they come from."""

from dataclasses import dataclass, field

from pyserini_ext.conditions.evaluation import Evaluation, evaluations
from pyserini_ext.conditions.families import Family
from pyserini_ext.conditions.steps import Step, fill, parse_steps


@dataclass(frozen=True)
class Source:
    """Where a score comes from: somebody published it, or it was measured here."""

    published: str | None = None
    """Where it was read."""
    version: str | None = None
    """Of this package, with which it was measured."""
    date: str | None = None
    """Of the measurement, ``YYYY-MM-DD``."""
    machine: str | None = None
    """What it was measured on."""

    @property
    def measured(self) -> bool:
        """Whether it was measured with this package."""
        return self.published is None

    def __str__(self) -> str:
        if self.published is not None:
            return f"published: {self.published}"
        where = f", {self.machine}" if self.machine else ""
        return f"measured: version {self.version}, {self.date}{where}"


@dataclass(frozen=True)
class Score:
    """An expected score, a fraction of 1, with its source."""

    value: float
    source: Source
    flaky: float = 0.0
    """By how much it is known to differ between machines, where that is more than the family's
    tolerance."""


@dataclass(frozen=True)
class Task:
    """One set of topics of a condition."""

    family: Family
    condition: str
    """Name of the condition."""
    command: str
    """With the variables of Pyserini's harness."""
    key: str
    """Topics or dataset; one of the family's keys."""
    evaluation: str
    """Qrels, as ``pyserini.eval.trec_eval`` takes them: a name or a file."""
    query_prefix: str = ""
    scores: dict[str, Score] = field(default_factory=dict)
    """By measure; a score that nobody has read or measured is absent."""
    corpus: str = ""
    """SHA-256 of the uncompressed ``corpus.jsonl`` that the scores were measured on, if known."""

    @property
    def run(self) -> str:
        """Name of the run file."""
        return self.family.run_name(self.condition, self.key)

    def steps(self, run: str | None = None) -> list[Step]:
        """The commands from documents to the run, in order.

        Args:
            run: the file to write; default :attr:`run`.
        """
        variables = {
            ("topics" if self.family.topic_sets else "dataset"): self.key,
            "output": run or self.run,
            **self.family.variables,
        }
        if not self.family.topic_sets:
            variables["query_prefix"] = self.query_prefix or variables.get("query_prefix", "")
        return parse_steps(fill(self.command, variables))

    def evaluations(self, qrels: str | None = None) -> list[Evaluation]:
        """The commands that compute the measures of the family.

        Args:
            qrels: judgements to take; default :attr:`evaluation`.
        """
        measures = self.family.measures_for(self.key)
        return evaluations(measures, qrels or self.evaluation, self.run)


@dataclass(frozen=True)
class Condition:
    """A system on a family of collections."""

    family: Family
    name: str
    display: str
    """A few words for tables."""
    command: str
    """For a shell, with the variables of Pyserini's harness."""
    tasks: tuple[Task, ...]

    @property
    def selector(self) -> str:
        """How commands name it: ``FAMILY/NAME``."""
        return f"{self.family.name}/{self.name}"

    @property
    def encoders(self) -> tuple[str, ...]:
        """The encoders that it loads, as presets or folders are named, without options."""
        found = (step.encoder for step in self.tasks[0].steps())
        names = (name.partition(",")[0] for name in found if name is not None)
        return tuple(dict.fromkeys(names))
