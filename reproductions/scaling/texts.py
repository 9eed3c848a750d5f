"""Write the study's texts: nested sets of pairs, passages, a held-out collection.

python reproductions/scaling/texts.py --pairs PAIRS --output runs/scaling

Pairs go through the cleaning of the tiny models (near-duplicates, stubs and tables are out), and
each query and each passage occurs once. A smaller set of pairs is the beginning of a larger one.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "reproductions" / "tiny"))

from data import Pair, prepare  # noqa: E402
from files import write_lines  # noqa: E402

SEED = 7
SIZES = (2000, 5000, 12000, 28000, 54000, 100000)
"""Pairs of the training files."""
HELD_OUT_QUERIES = {"dev": 500, "test": 1500}
"""By split: one chooses checkpoints, the other is reported."""
HELD_OUT_PASSAGES = 4000
GENERATOR_PAIRS, GENERATOR_WORDS = 5000, 30
END = "</s>"
"""How the family's tokenizer writes the end of a text."""
PROMPT = Path(__file__).with_name("prompt.txt")
DOCUMENTATION = {
    *("cpp-docs", "vba-docs", "office-docs-powershell", "powershell-docs"),
    *("windows-powershell-docs", "php-doc-en", "python-peps"),
}


def clean_pairs(folder: Path) -> list[Pair]:
    """All pairs without caps and crops, in random order, each query and each passage once.

    Raises:
        SystemExit: the folder holds no usable pair.
    """
    pairs = prepare(folder, whole=True)
    if not pairs:
        raise SystemExit(f"{folder} holds no usable pairs in files *.jsonl.gz.")
    random.Random(SEED).shuffle(pairs)
    queries: set[str] = set()
    passages: set[str] = set()
    kept = []
    for pair in pairs:
        query = pair.query.lower()
        if query not in queries and pair.group not in passages:
            queries.add(query)
            passages.add(pair.group)
            kept.append(pair)
    return kept


def title_of(pair: Pair) -> str:
    """The title of the page that a pair of documentation comes from; empty for other pairs.

    Such a query is the page's title, a colon and a heading.
    """
    title, colon, _ = pair.query.partition(": ")
    return title if colon and pair.source in DOCUMENTATION else ""


def write_training(pairs: Sequence[Pair], sizes: Sequence[int], output: Path) -> None:
    """Write ``corpus.jsonl``, ``titled.jsonl`` (with titles) and a ``train-SIZE.jsonl`` a size.

    Raises:
        SystemExit: there are fewer pairs than the largest size.
    """
    if max(sizes) > len(pairs):
        raise SystemExit(f"There are {len(pairs):,} clean pairs, fewer than {max(sizes):,}.")
    used = pairs[: max(sizes)]
    write_lines(output / "corpus.jsonl", ({"id": p.group, "text": p.passage} for p in used))
    write_lines(
        output / "titled.jsonl",
        ({"id": p.group, "title": title_of(p), "text": p.passage} for p in used),
    )
    for size in sizes:
        write_lines(
            output / f"train-{size}.jsonl",
            ({"question": p.query, "pos_pid": [p.group], "neg_pids": []} for p in used[:size]),
        )


def write_generator(pairs: Sequence[Pair], output: Path) -> None:
    """Write ``generator.jsonl``: beginnings of passages, each with its query.

    A language model learns from them to write the query of a passage (``prompt.txt``), and to end
    it.
    """
    prompt = PROMPT.read_text(encoding="utf-8").rstrip("\n")
    texts = (
        prompt.replace("{text}", " ".join(p.passage.split()[:GENERATOR_WORDS])) + f" {p.query}{END}"
        for p in pairs[:GENERATOR_PAIRS]
    )
    write_lines(
        output / "generator.jsonl",
        ({"id": str(number), "text": text} for number, text in enumerate(texts)),
    )


def write_held_out(pairs: Sequence[Pair], output: Path) -> None:
    """Write a collection in BEIR layout: queries, their passages, and others.

    Raises:
        SystemExit: there are too few pairs.
    """
    if len(pairs) < HELD_OUT_PASSAGES:
        raise SystemExit(f"There are {len(pairs):,} held-out pairs, not {HELD_OUT_PASSAGES:,}.")
    kept, asked = pairs[:HELD_OUT_PASSAGES], pairs[: sum(HELD_OUT_QUERIES.values())]
    write_lines(
        output / "corpus.jsonl", ({"_id": p.group, "title": "", "text": p.passage} for p in kept)
    )
    write_lines(output / "queries.jsonl", ({"_id": f"q-{p.group}", "text": p.query} for p in asked))
    (output / "qrels").mkdir(exist_ok=True)
    first = 0
    for split, count in HELD_OUT_QUERIES.items():
        judged = asked[first : first + count]
        lines = "".join(f"q-{p.group}\t{p.group}\t1\n" for p in judged)
        path = output / "qrels" / f"{split}.tsv"
        path.write_text(f"query-id\tcorpus-id\tscore\n{lines}", encoding="utf-8")
        first += count


def main() -> None:
    """Parse the command line and write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--pairs",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="holds files *.jsonl.gz of records with query, passage, title and source",
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="takes the files"
    )
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        default=list(SIZES),
        metavar="N",
        help=f"pairs of each training file (default: {' '.join(map(str, SIZES))})",
    )
    args = parser.parse_args()
    pairs = clean_pairs(args.pairs)
    seen = [p for p in pairs if not p.held_out]
    write_training(seen, args.sizes, args.output)
    write_generator(seen, args.output)
    write_held_out([p for p in pairs if p.held_out], args.output / "held-out")
    sizes = ", ".join(f"{size:,}" for size in sorted(args.sizes))
    print(f"{args.output}: sets of {sizes} pairs, and a held-out collection.")


if __name__ == "__main__":
    main()
