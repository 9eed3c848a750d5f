"""``python -m llm_encoders.score``: teacher scores for training data."""

import argparse
import sys
from pathlib import Path

from llm_encoders.jobs.console import run_command


def main() -> int:
    """Parse the command line and score."""
    parser = argparse.ArgumentParser(
        prog="python -m llm_encoders.score",
        description="Score the passages of training queries with a teacher, for distillation. "
        "Stopped, the same command goes on.",
        epilog="Example: python -m llm_encoders.score --train negatives.jsonl --corpus "
        "path/to/nfcorpus --teacher path/to/all-MiniLM-L6-v2 --output scored.jsonl",
    )
    parser.add_argument("--train", required=True, help="training data in any layout")
    parser.add_argument("--corpus", help="passages that the training data names by id")
    parser.add_argument("--split", default="train", help="qrels of a BEIR folder")
    parser.add_argument(
        "--teacher", required=True, help="folder, Hub id, or one of our encoders by name"
    )
    parser.add_argument(
        "--kind", help="cross-encoder, bi-encoder or yes-no; by default the files tell"
    )
    parser.add_argument("--output", required=True, type=Path, help="JSONL file")
    parser.add_argument("--batch-size", type=int, default=32, help="texts or pairs at a time")
    parser.add_argument("--device", help="default the first GPU, else the CPU")
    parser.add_argument("--overwrite", action="store_true", help="begin anew")
    args = parser.parse_args()

    def work() -> None:
        from llm_encoders.data.sources import DataSources
        from llm_encoders.score.job import score
        from llm_encoders.teachers import load_teacher

        teacher = load_teacher(
            args.teacher, args.kind, device=args.device, batch_size=args.batch_size
        )
        sources = DataSources(args.train, args.corpus, args.split)
        name = f"{args.teacher} ({args.kind or 'kind by its files'})"
        score(sources, teacher, name, args.output, args.overwrite)

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
