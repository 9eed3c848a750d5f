"""What ScalingNote's setting would cost, from unit costs that were measured and stated assumptions.

Arithmetic only: nothing of this size was run.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from reproductions.pages.markdown import table

_EFFICIENCY = Path(__file__).parents[1] / "efficiency" / "results.csv"
PASSAGES, QUERIES_A_SECOND = 10**8, 10**4
PASSAGE_TOKENS, QUERY_TOKENS = 128, 16
WIDTH, TERMS = 4096, 192
BYTES_A_POSTING = 2.7
"""Of a Lucene impact index of 696,779 postings: llm-splade-tiny on nfcorpus, 1,885,262 bytes."""


@dataclass(frozen=True)
class Speed:
    """A measured rate and what it was measured on."""

    rate: float
    device: str
    date: str


def measured(form: str) -> Speed:
    """Tokens a second of random weights of a shape, such as ``dense-8b``, on a GPU."""
    with _EFFICIENCY.open(encoding="utf-8", newline="") as lines:
        (row,) = (row for row in csv.DictReader(lines) if row["form"] == form)
    return Speed(float(row["rate"]), row["device"], row["date"])


def passage_rows() -> list[list[str]]:
    """What the document tower costs once."""
    speed = measured("dense-8b")
    tokens = PASSAGES * PASSAGE_TOKENS
    hours = tokens / speed.rate / 3600
    return [
        ["tokens of all passages", f"{tokens:.3g}", f"{PASSAGES:,} × {PASSAGE_TOKENS}"],
        [
            "GPU hours to encode them",
            f"{hours:,.0f}",
            f"at {speed.rate:,.0f} tokens/s, an 8B shape on one {speed.device} ({speed.date})",
        ],
        [
            "bytes of a dense index, float32",
            _bytes(PASSAGES * WIDTH * 4),
            f"{WIDTH:,} components of 4 bytes",
        ],
        [
            "bytes of a sparse index",
            _bytes(PASSAGES * TERMS * BYTES_A_POSTING),
            f"{TERMS} terms a passage, {BYTES_A_POSTING} bytes a posting",
        ],
    ]


def query_rows(students: dict[str, float]) -> list[list[str]]:
    """What a second of queries costs.

    Args:
        students: milliseconds to encode one query on a CPU, by student.
    """
    speed = measured("dense-8b")
    tokens = QUERIES_A_SECOND * QUERY_TOKENS
    rows = [
        [
            "8B teacher",
            f"{tokens / speed.rate:.1f} GPUs",
            f"{tokens:,} tokens/s at full batches, so without a limit on latency",
        ]
    ]
    for name, milliseconds in students.items():
        busy = QUERIES_A_SECOND * milliseconds / 1000
        rows.append([name, f"{busy:.1f} × the machine", f"{milliseconds:.3g} ms a query, alone"])
    return rows


def section(students: dict[str, float]) -> str:
    """Two tables."""
    return (
        table(["once", "amount", "from"], passage_rows())
        + "\n"
        + table([f"{QUERIES_A_SECOND:,} queries a second", "needs", "from"], query_rows(students))
    )


def _bytes(count: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:,.0f} bytes"
