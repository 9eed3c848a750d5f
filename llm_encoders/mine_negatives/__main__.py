"""``python -m llm_encoders.mine_negatives``: hard negatives for training queries."""

import argparse

from llm_encoders.jobs.console import end_command, run_command
from llm_encoders.mine_negatives.options import add_choice, add_ranking
from llm_encoders.teachers import options


def main() -> int:
    """Parse the command line and mine."""
    parser = argparse.ArgumentParser(
        prog="python -m llm_encoders.mine_negatives",
        description="Find hard negatives for training queries: passages that BM25 or an encoder "
        "ranks high, but that are not relevant. A query's positives, the query itself where it is "
        "a document of the collection, and passages with the same text as either are left out. If "
        "it was stopped, run the same command again to resume.",
        epilog="Example: python -m llm_encoders.mine_negatives --train path/to/nfcorpus "
        "--output negatives.jsonl",
    )
    options.add_sources(
        parser, "queries with positives: a BEIR folder, or training data that names passages by id"
    )
    add_ranking(parser)
    add_choice(parser)
    options.add_teacher(
        parser,
        required=False,
        purpose="model that scores the ranked passages, to leave out those that are relevant after "
        "all; its scores are written as well (default: none)",
    )
    options.add_output(parser)
    args = parser.parse_args()

    def work() -> None:
        from llm_encoders.mine_negatives.job import mine
        from llm_encoders.mine_negatives.mining import Mining

        names = ("method", "index", "depth", "skip", "negatives", "sampling", "margin", "seed")
        mine(
            options.sources_of(args),
            Mining(**{name: getattr(args, name) for name in names}),
            options.teacher_of(args),
            args.output,
            threads=args.threads,
            device=args.device,
            overwrite=args.overwrite,
        )

    return run_command(work)


if __name__ == "__main__":
    end_command(main)
