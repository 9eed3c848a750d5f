"""``python -m llm_encoders.mine_negatives``: hard negatives for training queries."""

import argparse
import os
import sys
from pathlib import Path

from llm_encoders.jobs.console import run_command


def main() -> int:
    """Parse the command line and mine."""
    parser = argparse.ArgumentParser(
        prog="python -m llm_encoders.mine_negatives",
        description="Find hard negatives with BM25 or an encoder, through Pyserini's commands. "
        "Stopped, the same command goes on.",
        epilog="Example: python -m llm_encoders.mine_negatives --train path/to/nfcorpus "
        "--output negatives.jsonl",
    )
    parser.add_argument(
        "--train", required=True, help="queries with positives: a BEIR folder, or training data"
    )
    parser.add_argument("--corpus", help="passages that the training data names by id")
    parser.add_argument("--split", default="train", help="qrels of a BEIR folder")
    parser.add_argument("--method", default="bm25", help="bm25 (default) or an encoder")
    parser.add_argument("--index", help="an index of the corpus, where there is one already")
    parser.add_argument("--depth", type=int, default=200, help="ranks that are looked at")
    parser.add_argument("--skip", type=int, default=0, help="first ranks left out")
    parser.add_argument("--negatives", type=int, default=30, help="negatives a query")
    parser.add_argument("--sampling", default="random", help="random (default) or top")
    parser.add_argument("--teacher", help="filters false negatives; see llm_encoders.score")
    parser.add_argument("--kind", help="kind of the teacher")
    parser.add_argument("--batch-size", type=int, default=32, help="of the teacher")
    parser.add_argument(
        "--margin",
        type=float,
        default=0.0,
        help="a passage within this of the best positive's teacher score is left out",
    )
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", required=True, type=Path, help="JSONL file")
    parser.add_argument("--overwrite", action="store_true", help="begin anew")
    args = parser.parse_args()

    def work() -> None:
        from llm_encoders.data.sources import DataSources
        from llm_encoders.mine_negatives.job import Mining, mine

        names = ("method", "index", "depth", "skip", "negatives", "sampling", "teacher", "margin")
        options = {name: getattr(args, name) for name in (*names, "seed")}
        teacher = None
        if args.teacher is not None:
            from llm_encoders.teachers import load_teacher

            teacher = load_teacher(args.teacher, args.kind, batch_size=args.batch_size)
        sources = DataSources(args.train, args.corpus, args.split)
        mining = Mining(**options)
        mine(sources, mining, teacher, args.output, threads=args.threads, overwrite=args.overwrite)

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
