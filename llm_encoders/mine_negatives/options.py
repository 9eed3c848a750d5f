"""Options of mining alone; those shared with scoring are :mod:`llm_encoders.teachers.options`."""

import argparse
import os

from llm_encoders.jobs import arguments

SAMPLINGS = ("random", "top")


def add_ranking(parser: argparse.ArgumentParser) -> None:
    """How passages are ranked."""
    parser.add_argument(
        "--method",
        type=arguments.place,
        default="bm25",
        metavar="NAME",
        help="what ranks the passages: bm25, which needs Pyserini and Java, or an encoder by name, "
        "folder or Hub id (default: bm25)",
    )
    parser.add_argument(
        "--index",
        type=arguments.place,
        metavar="FOLDER",
        help="for bm25: a Lucene index of the corpus, by the ids of its passages (default: one is "
        "made, and removed at the end)",
    )
    parser.add_argument(
        "--threads",
        type=arguments.count,
        default=os.cpu_count() or 1,
        metavar="N",
        help="for bm25: threads that index and search (default: %(default)s, the cores of this "
        "machine)",
    )


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Which of the ranked passages become negatives."""
    parser.add_argument(
        "--depth",
        type=arguments.count,
        default=200,
        metavar="N",
        help="take negatives from the first N ranks (default: 200)",
    )
    parser.add_argument(
        "--skip",
        type=arguments.integer(0),
        default=0,
        metavar="N",
        help="leave out the first N ranks, where passages that nobody judged are often relevant "
        "(default: 0)",
    )
    parser.add_argument(
        "--negatives",
        type=arguments.count,
        default=30,
        metavar="N",
        help="negatives of a query, at most (default: 30)",
    )
    parser.add_argument(
        "--sampling",
        choices=SAMPLINGS,
        default="random",
        help="draw them at random from the ranks, or take the top ones (default: random)",
    )
    parser.add_argument(
        "--seed",
        type=arguments.seed,
        default=42,
        metavar="N",
        help="of random sampling; the same seed gives the same negatives (default: 42)",
    )
    parser.add_argument(
        "--margin",
        type=arguments.number,
        default=0.0,
        metavar="X",
        help="with --teacher: leave out passages that score more than the best positive less X; "
        "in the units of the teacher's scores (default: 0)",
    )
