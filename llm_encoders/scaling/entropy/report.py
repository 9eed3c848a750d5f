"""A measurement as a line, as JSON and as a point of a law."""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llm_encoders.errors import UsageError
from llm_encoders.evaluation.entropy import Entropy, Sample
from llm_encoders.reading import read_record
from llm_encoders.scaling.entropy.data import Source

_DIGITS = 9  # beyond them, the order of additions shows


@dataclass(frozen=True)
class Report:
    """A measurement and what it depends on; the keys of the JSON file."""

    encoder: str
    passage_encoder: str | None
    paradigm: str
    data: str
    corpus: str | None
    split: str | None
    entropy: float
    """In nats, the mean over redraws."""
    entropy_sd: float | None
    """Over redraws; ``None`` of a single one."""
    values: list[float]
    """One a redraw."""
    pairs: int
    pairs_left_out: int
    """Without any passage that is not relevant."""
    queries: int
    passages: int
    passages_encoded: int
    negatives: int
    """Of a pair, at most."""
    fewest_negatives: int
    redraws: int
    seed: int
    temperature: float
    parameters: int | None
    annotations: int | None
    training_seed: int | None
    source: str | None

    @classmethod
    def of(
        cls,
        args: argparse.Namespace,
        source: Source,
        sample: Sample,
        entropy: Entropy,
        encoder: Any,
        temperature: float,
        size: tuple[int | None, int | None, int | None],
    ) -> "Report":
        """The report of what was measured.

        Args:
            args: of the command line.
            source: the data.
            sample: the pairs and their negatives.
            entropy: what was found.
            encoder: of the queries.
            temperature: divisor of scores.
            size: parameters, annotations, and seed of the training.
        """
        teacher = getattr(encoder.files, "teacher", None)
        measured = sample.available[sample.available > 0]
        return cls(
            encoder=args.encoder,
            passage_encoder=args.passage_encoder or (teacher and teacher.name),
            paradigm=encoder.config.paradigm,
            data=source.path,
            corpus=source.corpus,
            split=source.split,
            entropy=_rounded(entropy.mean),
            entropy_sd=None if entropy.spread is None else _rounded(entropy.spread),
            values=[_rounded(value) for value in entropy.values],
            pairs=len(measured),
            pairs_left_out=len(sample.available) - len(measured),
            queries=len(sample.pairs.queries),
            passages=sample.pairs.documents,
            passages_encoded=len(sample.needed),
            negatives=int(measured.max()),
            fewest_negatives=int(measured.min()),
            redraws=len(entropy.values),
            seed=args.seed,
            temperature=temperature,
            parameters=size[0],
            annotations=size[1],
            training_seed=size[2],
            source=args.source,
        )

    def json(self) -> str:
        """All of it."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    def point(self) -> dict[str, str]:
        """A row of a file of points, by column."""
        values = {
            "parameters": self.parameters,
            "annotations": self.annotations,
            "entropy": self.entropy,
            "entropy_sd": self.entropy_sd,
            "seed": self.training_seed,
            "paradigm": self.paradigm,
            "source": self.source,
            "temperature": self.temperature,
            "negatives": self.negatives,
            "encoder": self.encoder,
            "data": self.data if self.split is None else f"{self.data} ({self.split})",
        }
        return {key: "" if value is None else str(value) for key, value in values.items()}

    def line(self) -> str:
        """The figure, and what it is of."""
        negatives = f"{self.negatives:,}"
        if self.fewest_negatives < self.negatives:
            negatives = f"{self.fewest_negatives:,} to {negatives}"
        spread = "" if self.entropy_sd is None else f" (standard deviation {self.entropy_sd:.4f})"
        left_out = (
            f", {self.pairs_left_out:,} left out for want of negatives"
            if self.pairs_left_out
            else ""
        )
        draws = "redraws" if self.redraws > 1 else "draw"
        return (
            f"{self.encoder}: contrastive entropy {self.entropy:.4f} nats{spread}; "
            f"{self.redraws:,} {draws} of {negatives} negatives, {self.pairs:,} pairs{left_out}, "
            f"temperature {self.temperature:g}"
        )


def require_report(path: Path) -> None:
    """Refuse to write over anything but an earlier report.

    Raises:
        UsageError: something else is there.
    """
    if path.exists() and not {"encoder", "entropy", "redraws"} <= read_record(path).keys():
        raise UsageError(
            f"--output {path} exists and is no measurement of entropy. Name another file, or "
            "remove it."
        )


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
