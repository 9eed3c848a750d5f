"""What the quickstart prints at the end: one table, and results that a person can judge."""

from pathlib import Path

from pyserini_ext.quickstart.collection import Collection
from pyserini_ext.quickstart.pipeline import System

_WIDTH = 76
_EXAMPLES = 3


def table(systems: list[System]) -> str:
    """Scores, index size and seconds of every system."""
    header = ["", "nDCG@10", "R@100", "MRR@10", "index", "seconds"]
    rows = [
        [
            system.name,
            *(f"{system.measures[m]:.4f}" for m in ("nDCG@10", "R@100", "MRR@10")),
            f"{system.index_bytes / 1e6:.1f} MB" if system.index else "–",
            f"{system.seconds:.0f}",
        ]
        for system in systems
    ]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [
            row[0].ljust(widths[0]),
            *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
        ]
        lines.append("  ".join(cells))
    return "\n".join(lines)


def examples(systems: list[System], collection: Collection) -> str:
    """The first result of every system for some queries, spread over the collection's."""
    query_ids = sorted(collection.queries)
    step = max(1, len(query_ids) // _EXAMPLES)
    tops = {system.name: _first_results(system.run) for system in systems}
    lines = []
    for query_id in query_ids[::step][:_EXAMPLES]:
        lines.append(f"Query: {_cut(collection.queries[query_id])}")
        right = [docid for docid, grade in collection.qrels[query_id].items() if grade > 0]
        more = f" and {len(right) - 1} more" if len(right) > 1 else ""
        lines.append(f"  relevant: {', '.join(right[:1]) or 'none'}{more}")
        for system in systems:
            docid = tops[system.name].get(query_id)
            if docid is None:
                lines.append(f"  {system.name}: nothing found")
                continue
            grade = collection.qrels[query_id].get(docid, 0)
            mark = "relevant" if grade > 0 else "not judged so"
            title, text = collection.documents[docid]
            lines.append(f"  {system.name}: {docid} ({mark})")
            lines.append(f"      {_cut(f'{title}: {text}' if title not in ('', docid) else text)}")
        lines.append("")
    return "\n".join(lines)


def _first_results(run: Path) -> dict[str, str]:
    first: dict[str, str] = {}
    with run.open(encoding="utf-8") as stream:
        for line in stream:
            query_id, _, docid, *_ = line.split()
            first.setdefault(query_id, docid)
    return first


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _WIDTH else f"{flat[: _WIDTH - 1]}…"
