"""The study as data: which models are trained on which pairs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_encoders.errors import UsageError, listed, nearest
from llm_encoders.reading import parse_yaml, read_text

FILE = Path(__file__).with_name("study.yaml")
FAMILY = Path(__file__).with_name("family.yaml")
RECIPES = "reproductions/recipes"
RUNS = "runs/scaling"
USUAL = "usual"
"""The schedule of the laws."""
HALF = "half"
"""The schedule with half of its steps."""
QUERIES = 128
"""Batch size; the recipes have the same."""
EVALUATIONS = 5
"""How often a training run is evaluated; the best checkpoint is kept."""
HUMAN = "human"
"""The source of pairs that people wrote: questions and headings with their passages."""
IN_FULL = ("inverse-cloze", "titles")
"""Sources whose files carry the passages. Their random negatives come from these, not from the
corpus."""


@dataclass(frozen=True)
class Cell:
    """One encoder of the study."""

    paradigm: str
    size: str
    pairs: int
    seed: int = 1
    source: str = HUMAN
    schedule: str = USUAL
    """Its name in the study, which has the number of steps."""

    @property
    def name(self) -> str:
        """The name of its folder."""
        parts = [self.paradigm, self.size, str(self.pairs)]
        parts += [self.source] if self.source != HUMAN else []
        parts += [self.schedule] if self.schedule != USUAL else []
        parts += [f"seed-{self.seed}"] if self.seed != 1 else []
        return "-".join(parts)

    @property
    def output(self) -> str:
        """Its folder."""
        return f"{RUNS}/cells/{self.name}"

    @property
    def training_file(self) -> str:
        """Its pairs."""
        prefix = "train" if self.source == HUMAN else f"train-{self.source}"
        return f"{RUNS}/{prefix}-{self.pairs}.jsonl"


@dataclass(frozen=True)
class Study:
    """All of it."""

    threads: int
    """Of a process."""
    paradigms: tuple[str, ...]
    collections: Mapping[str, Mapping[str, str]]
    """``folder`` and ``split`` by name."""
    learning_rates: Mapping[str, Mapping[str, float]]
    """By size, of ``clm`` and of each paradigm."""
    steps: Mapping[str, Mapping[int, int]]
    """Of a cell, by its schedule and its number of pairs."""
    grid: tuple[Mapping[str, Any], ...]
    sizes: Mapping[str, Mapping[str, int]]
    """The family's sizes: ``hidden``, ``layers``, ``heads`` and ``intermediate``."""
    vocabulary: int
    """Tokens that the family knows."""

    @property
    def groups(self) -> list[str]:
        """In order."""
        return list(dict.fromkeys(one["group"] for one in self.grid))

    def cells(self, groups: Sequence[str] = ()) -> list[Cell]:
        """The cells of these groups, each once; of all without groups."""
        rows = [one for one in self.grid if not groups or one["group"] in groups]
        return list(dict.fromkeys(cell for row in rows for cell in self._cells(row)))

    def _cells(self, row: Mapping[str, Any]) -> Iterator[Cell]:
        schedule = row.get("schedule", USUAL)
        for seed in row["seeds"]:
            for size in row["sizes"]:
                for pairs in row["pairs"]:
                    for paradigm in row.get("paradigms", self.paradigms):
                        for source in row.get("sources", [HUMAN]):
                            yield Cell(paradigm, size, pairs, seed, source, schedule)

    def pretrain(self, size: str) -> list[str]:
        """The command that teaches a member of the family the language."""
        rate = self.learning_rates[size]["clm"]
        changes = [f"backbone={RUNS}/family/{size}", f"output={pretrained(size)}"]
        return _command("scaling-clm", [*changes, f"schedule.learning_rate={rate}"])

    def train(self, cell: Cell) -> list[str]:
        """The command that trains a cell."""
        rate = self.learning_rates[cell.size][cell.paradigm]
        steps = self.steps[cell.schedule][cell.pairs]
        every = steps // EVALUATIONS
        changes = [
            f"backbone={pretrained(cell.size)}",
            f"output={cell.output}",
            f"data.train={cell.training_file}",
            f"schedule.learning_rate={rate}",
            f"schedule.seed={cell.seed}",
            f"schedule.steps={steps}",
            f"evaluation.every={every}",
            f"saving.every={every}",
        ]
        changes += ["data.corpus=null"] if cell.source in IN_FULL else []
        return _command(f"scaling-{cell.paradigm}", changes)


def pretrained(size: str) -> str:
    """The folder of a member of the family that knows the language."""
    return f"{RUNS}/clm/{size}"


def parameters(size: Mapping[str, int]) -> int:
    """Non-embedding parameters of a Llama: attention and MLP matrices, norms."""
    hidden, inner = size["hidden"], size["intermediate"]
    layer = 4 * hidden * hidden + 3 * hidden * inner + 2 * hidden
    return size["layers"] * layer + hidden


def _command(recipe: str, changes: Sequence[str]) -> list[str]:
    return ["python", "-m", "llm_encoders.train", f"{RECIPES}/{recipe}.yaml", *changes]


def load(path: Path = FILE, family: Path = FAMILY) -> Study:
    """Read the study.

    Raises:
        UsageError: a size that the family does not have, one without learning rates, or a number
            of pairs without steps.
    """
    values = parse_yaml(read_text(path), str(path))
    members = parse_yaml(read_text(family), str(family))
    sizes = members["sizes"]
    study = Study(
        values["threads"],
        tuple(values["paradigms"]),
        values["collections"],
        values["learning_rates"],
        values["steps"],
        tuple(values["grid"]),
        sizes,
        members["vocabulary"],
    )
    named = {cell.size for cell in study.cells()}
    for where, known in ((family, sizes), (path, study.learning_rates)):
        if unknown := sorted(named - known.keys()):
            raise UsageError(f"{path}: the grid names {listed(unknown)}, which {where} lacks.")
    for cell in study.cells():
        if cell.schedule not in study.steps:
            raise UsageError(
                f"{path}: the grid names the schedule {cell.schedule}, which steps lacks."
                + nearest(cell.schedule, study.steps)
            )
        if cell.pairs not in study.steps[cell.schedule]:
            raise UsageError(
                f"{path}: the schedule {cell.schedule} has no line for {cell.pairs} pairs, which "
                "the grid names."
            )
    return study
