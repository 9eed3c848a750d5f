"""What the quickstart prints at the end: one table, and results that a person can judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyserini_ext.quickstart.collection import Collection
from pyserini_ext.quickstart.examples import Example, Results, choose, read_results
from pyserini_ext.quickstart.matches import document_impacts, matches, query_impacts
from pyserini_ext.quickstart.pipeline import System

_WIDTH = 88
_TITLE = 34
_TERMS = 6


@dataclass(frozen=True)
class Impacts:
    """Impacts that the examples need, by the sparse system's own vectors."""

    system: str
    queries: Mapping[str, Mapping[str, int]]
    documents: Mapping[str, Mapping[str, int]]


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
    return _aligned([header, *rows], left=1)


def report_examples(systems: Sequence[System], collection: Collection) -> str:
    """The examples, from the systems' runs and the sparse system's vectors on disk."""
    results = {s.name: read_results(s.run, collection.qrels) for s in systems}
    single = {s.name: results[s.name] for s in systems if s.index is not None}
    chosen = choose(single, list(collection.queries))
    impacts = None
    for system in systems:
        if system.vectors is not None:
            ids = _documents(chosen, results, system.name, collection)
            impacts = Impacts(
                system.name,
                query_impacts(system.name, collection.queries, {e.query_id for e in chosen}),
                document_impacts(system.vectors, ids),
            )
    return "\n".join(example_text(e, results, collection, impacts) for e in chosen)


def example_text(
    example: Example,
    results: Mapping[str, Results],
    collection: Collection,
    impacts: Impacts | None,
) -> str:
    """A query, the first relevant document of each system, and the terms that matched."""
    query_id = example.query_id
    lines = [f"Query {query_id}: {_cut(collection.queries[query_id], _WIDTH)}"]
    relevant = _relevant(example, results, collection)
    if relevant is not None:
        title, text = collection.documents.get(relevant, ("", "(not in the corpus)"))
        lines.append(_cut(f"Relevant: {_label(relevant, title)} – {text}", _WIDTH))
    does = f"{example.best} does better than the others on average"
    heading = does if example.best else "No query tells the systems apart"
    lines.append(f"{heading}. Rank of the first relevant document:")
    lines.append(_ranks(query_id, results, collection))
    if impacts is not None and relevant is not None:
        result = results[impacts.system][query_id]
        score = result.relevant[relevant][1] if relevant in result.relevant else None
        lines += _terms(query_id, relevant, score, collection, impacts)
        if result.first is not None and result.first[0] != relevant:
            lines += _terms(query_id, *result.first, collection, impacts)
    return "\n".join([*lines, ""])


def _relevant(
    example: Example, results: Mapping[str, Results], collection: Collection
) -> str | None:
    """The relevant document to explain: the best system's first, else one that is judged so."""
    names = [example.best] if example.best else list(results)
    for name in names:
        for docid in results[name][example.query_id].relevant:
            return docid
    grades = collection.qrels[example.query_id]
    return next((docid for docid, grade in grades.items() if grade > 0), None)


def _documents(
    chosen: Sequence[Example],
    results: Mapping[str, Results],
    sparse: str,
    collection: Collection,
) -> set[str]:
    """Documents whose terms are shown."""
    ids: set[str] = set()
    for example in chosen:
        relevant = _relevant(example, results, collection)
        first = results[sparse][example.query_id].first
        ids |= {docid for docid in (relevant, first[0] if first else None) if docid is not None}
    return ids


def _ranks(query_id: str, results: Mapping[str, Results], collection: Collection) -> str:
    rows = [["", "rank", "first relevant", "ranked first instead"]]
    for name, found in results.items():
        result = found[query_id]
        best = next(iter(result.relevant), None)
        first = result.first[0] if result.first else None
        title = _title(best, collection) if best else "not found"
        instead = _title(first, collection) if first and first != best else ""
        rows.append([name, str(result.rank or "–"), title, instead])
    return "\n".join("  " + line for line in _aligned(rows, left=1, words=(2, 3)).splitlines())


def _terms(
    query_id: str, docid: str, score: float | None, collection: Collection, impacts: Impacts
) -> list[str]:
    """Terms that the query and a document share; what they add up to is the score."""
    shared = matches(impacts.queries[query_id], impacts.documents.get(docid, {}))
    title = _title(docid, collection)
    if not shared:
        return [f"{impacts.system} matches no term of {title}."]
    lines = [f"{impacts.system} matches {title} by (query weight × document weight):"]
    rows = [
        [m.term, str(m.query), "×", str(m.document), "=", f"{m.contribution:,}"]
        for m in shared[:_TERMS]
    ]
    blank = [""] * 4
    if rest := shared[_TERMS:]:
        rows.append([f"{len(rest)} more", *blank, f"{sum(m.contribution for m in rest):,}"])
    total = sum(match.contribution for match in shared)
    rows.append(["sum", *blank, f"{total:,}"])
    lines += ["  " + line for line in _aligned(rows, left=1).splitlines()]
    if score is not None and score != total:
        lines.append(
            f"  (Lucene's score is {score:,.0f}. A weight on a rounding edge may differ by one "
            "from that of the search, and sums above 16,777,216 are rounded.)"
        )
    return lines


def _title(docid: str, collection: Collection) -> str:
    title, _ = collection.documents.get(docid, ("", ""))
    return _cut(_label(docid, title), _TITLE)


def _label(docid: str, title: str) -> str:
    return docid if title in ("", docid) else f"{docid} {title}"


def _aligned(rows: list[list[str]], left: int, words: Sequence[int] = ()) -> str:
    """Columns under each other; the first ``left`` and those of ``words`` begin together."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if i < left or i in words else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _cut(text: str, width: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else f"{flat[: width - 1]}…"
