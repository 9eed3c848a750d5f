"""Time and disk: measured rates, and what follows from them by arithmetic."""

import csv
from dataclasses import dataclass
from pathlib import Path

from llm_encoders.registry import Preset

_RESULTS = Path(__file__).parents[1] / "efficiency" / "results.csv"
MS_MARCO_PASSAGES = 8_841_823
_SHAPES = ("1b", "8b")  # of Llama-3, which were measured
_SPARSE = [
    "Random weights give about half of the vocabulary a weight in every text, which takes most of "
    "this time. Trained weights",
    "give far fewer, so the true time is shorter; by how much was not measured.",
]


@dataclass(frozen=True)
class Rate:
    """Encoding speed of random weights of one shape, as it was measured."""

    tokens_a_second: float
    documents: int
    tokens: int
    device: str
    date: str

    @property
    def tokens_a_document(self) -> float:
        """Mean length of what was measured."""
        return self.tokens / self.documents


def rate_of(preset: Preset) -> Rate | None:
    """The rate of a checkpoint of ours on a GPU; ``None`` where its shape was not measured."""
    kind, _, scale = preset.name.removeprefix("llm-").partition("-")
    if not preset.name.startswith("llm-") or scale not in _SHAPES:
        return None
    form = f"{'sparse' if kind == 'splade' else 'dense'}-{scale}"
    with _RESULTS.open(encoding="utf-8", newline="") as lines:
        (row,) = (row for row in csv.DictReader(lines) if row["form"] == form)
    documents, tokens = (int(part.split()[0]) for part in row["setting"].split(", ")[:2])
    return Rate(float(row["rate"]), documents, tokens, row["device"], row["date"])


def section(preset: Preset) -> str:
    """What is known of a model's cost on MS MARCO v1 passages."""
    return "\n".join([*_time(preset), "", *_disk(preset), ""])


def _time(preset: Preset) -> list[str]:
    rate = rate_of(preset)
    if rate is None:
        return ["**Time.** Not measured."]
    sparse = preset.contract.paradigm == "sparse"
    hours = MS_MARCO_PASSAGES * rate.tokens_a_document / rate.tokens_a_second / 3600
    return [
        "**Time.** The weights were not run. Random weights of the same shape encoded "
        f"{rate.tokens_a_second:,.0f} tokens/s on one",
        f"{rate.device} ({rate.date}, {rate.documents:,} documents of "
        f"{rate.tokens_a_document:.0f} tokens on average,",
        "[more](../efficiency/README.md)). *Estimate, computed from that rate and not measured:* "
        f"{MS_MARCO_PASSAGES:,} passages",
        f"of that length take {hours:,.1f} hours on one such GPU. Shorter passages take less, and "
        "several GPUs share the work.",
        *(_SPARSE if sparse else []),
    ]


def _disk(preset: Preset) -> list[str]:
    if preset.contract.paradigm == "sparse":
        return ["**Disk.** The size of the Lucene index was not measured."]
    if preset.dimension is None:
        return ["**Disk.** Not known: no source for the number of components was read."]
    size = MS_MARCO_PASSAGES * preset.dimension * 4
    return [
        f"**Disk.** *Computed:* a flat index holds {preset.dimension:,} components of 4 bytes a "
        f"passage, so that of MS MARCO takes",
        f"{size / 1e9:,.1f} GB, and searching it as much memory.",
    ]
