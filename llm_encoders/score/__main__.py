"""``python -m llm_encoders.score``: teacher scores for training data."""

import argparse

from llm_encoders.jobs.console import end_command, run_command
from llm_encoders.teachers import options


def main() -> int:
    """Parse the command line and score."""
    parser = argparse.ArgumentParser(
        prog="python -m llm_encoders.score",
        description="Score the passages of training queries with a teacher, for distillation. "
        "If it was stopped, run the same command again to resume.",
        epilog="Example: python -m llm_encoders.score --train negatives.jsonl --corpus "
        "path/to/nfcorpus --teacher path/to/all-MiniLM-L6-v2 --output scored.jsonl",
    )
    options.add_sources(
        parser,
        "queries with their passages: a file or folder of training data (JSONL, Parquet or TSV in "
        "any layout that the trainer reads), hf:DATASET, or a BEIR folder",
    )
    options.add_teacher(parser, required=True, purpose="model that gives the scores")
    options.add_output(parser)
    args = parser.parse_args()

    def work() -> None:
        from llm_encoders.score.job import score

        choice = options.teacher_of(args)
        assert choice is not None  # --teacher is required
        score(options.sources_of(args), choice, args.output, args.overwrite)

    return run_command(work)


if __name__ == "__main__":
    end_command(main)
