"""Write the pairs as training data, and the held-out ones as a collection.

python reproductions/tiny/files.py --pairs PAIRS --output runs/tiny
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from data import WEIGHTS, Pair, prepare

MOST_ANSWERS = 4  # queries with more, such as "Example 1", say nothing about their passage
HELD_OUT_QUERIES = 300
HELD_OUT_PASSAGES = 600


def draw(
    pairs: list[Pair], answers: dict[str, list[str]], count: int, seed: int = 13
) -> list[Pair]:
    """Pairs with different queries and passages, drawn by the weight of their source.

    Sampling without replacement by exponential keys (Efraimidis and Spirakis, 2006).
    """
    rng = random.Random(seed)
    keyed = [(rng.expovariate(WEIGHTS.get(pair.source, 1.0)), pair) for pair in pairs]
    found: list[Pair] = []
    queries: set[str] = set()
    groups: set[str] = set()
    for _, pair in sorted(keyed, key=lambda one: one[0]):
        query = pair.query.lower()
        if query in queries or pair.group in groups or len(answers[query]) > MOST_ANSWERS:
            continue
        queries.add(query)
        groups.add(pair.group)
        found.append(pair)
        if len(found) == count:
            break
    return found


def positives(pairs: list[Pair]) -> dict[str, list[str]]:
    """Groups that answer a query, by the query in lower case."""
    found: dict[str, dict[str, None]] = {}
    for pair in pairs:
        found.setdefault(pair.query.lower(), {})[pair.group] = None
    return {query: list(groups) for query, groups in found.items()}


def passages(pairs: list[Pair], drawn: Iterable[Pair] = ()) -> dict[str, str]:
    """One text a group: what a query that was drawn is paired with, else the longest."""
    found: dict[str, str] = {}
    for pair in pairs:
        if len(pair.passage) > len(found.get(pair.group, "")):
            found[pair.group] = pair.passage
    return found | {pair.group: pair.passage for pair in drawn}


def write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write JSON lines, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def write_training(pairs: list[Pair], output: Path, count: int) -> int:
    """Write ``corpus.jsonl`` and ``train.jsonl``; returns the number of queries."""
    relevant = positives(pairs)
    drawn = draw(pairs, relevant, count)
    texts = passages(pairs, drawn)
    write_lines(output / "corpus.jsonl", ({"id": k, "text": text} for k, text in texts.items()))
    write_lines(
        output / "train.jsonl",
        (
            {"question": pair.query, "pos_pid": relevant[pair.query.lower()], "neg_pids": []}
            for pair in drawn
        ),
    )
    return len(drawn)


def write_held_out(pairs: list[Pair], output: Path) -> int:
    """Write a collection in BEIR layout, split ``dev``; returns the number of queries."""
    questions = [pair for pair in pairs if not pair.source.endswith("-crop")]
    relevant = positives(questions)
    drawn = draw(questions, relevant, HELD_OUT_QUERIES)
    texts = passages(questions)
    kept = dict.fromkeys(group for pair in drawn for group in relevant[pair.query.lower()])
    for group in texts:
        if len(kept) >= HELD_OUT_PASSAGES:
            break
        kept[group] = None
    write_lines(output / "corpus.jsonl", ({"_id": k, "title": "", "text": texts[k]} for k in kept))
    write_lines(
        output / "queries.jsonl",
        ({"_id": f"q{number}", "text": pair.query} for number, pair in enumerate(drawn)),
    )
    path = output / "qrels" / "dev.tsv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        stream.write("query-id\tcorpus-id\tscore\n")
        for number, pair in enumerate(drawn):
            for group in relevant[pair.query.lower()]:
                stream.write(f"q{number}\t{group}\t1\n")
    return len(drawn)


def main() -> None:
    """Parse the command line; write ``corpus.jsonl``, ``train.jsonl`` and ``held-out``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True, help="folder of *.jsonl.gz pairs")
    parser.add_argument("--output", type=Path, required=True, help="folder for the files")
    parser.add_argument("--queries", type=int, default=65536, help="training queries")
    args = parser.parse_args()
    pairs = prepare(args.pairs)
    if not pairs:
        raise SystemExit(f"{args.pairs} holds no usable pairs in files *.jsonl.gz.")
    trained = write_training([p for p in pairs if not p.held_out], args.output, args.queries)
    held = write_held_out([p for p in pairs if p.held_out], args.output / "held-out")
    print(f"{args.output}: {trained:,} training queries, {held:,} held-out ones.")


if __name__ == "__main__":
    main()
