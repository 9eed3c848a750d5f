"""Options of the command line that scoring and mining share."""

import argparse
from typing import TYPE_CHECKING

from llm_encoders.jobs import arguments

if TYPE_CHECKING:
    from llm_encoders.data.sources import DataSources
    from llm_encoders.teachers.choice import TeacherChoice

KINDS = ("cross-encoder", "bi-encoder", "yes-no")
DTYPES = ("float32", "bfloat16", "float16")


def add_sources(parser: argparse.ArgumentParser, train: str) -> None:
    """Training data and its corpus; ``train`` says what ``--train`` may be."""
    parser.add_argument("--train", required=True, type=arguments.place, metavar="PATH", help=train)
    parser.add_argument(
        "--corpus",
        type=arguments.place,
        metavar="PATH",
        help="file or folder of the passages that --train names by id; not needed where --train "
        "is a BEIR folder or holds the passages in full",
    )
    parser.add_argument(
        "--split",
        default="train",
        metavar="NAME",
        help="where --train is a BEIR folder: take the queries of qrels/NAME.tsv (default: train)",
    )
    parser.add_argument(
        "--on-error",
        choices=("stop", "skip"),
        default="stop",
        help="faulty documents of the corpus: stop at the first, or skip them and list them in "
        "OUTPUT.skipped.txt (default: stop)",
    )


def add_teacher(parser: argparse.ArgumentParser, required: bool, purpose: str) -> None:
    """``--teacher`` and how it computes; ``purpose`` begins the help of the first."""
    parser.add_argument(
        "--teacher",
        required=required,
        type=arguments.place,
        metavar="MODEL",
        help=f"{purpose}: a folder, a Hub id, or one of this package's encoders by name",
    )
    parser.add_argument(
        "--kind",
        choices=KINDS,
        help="what the teacher is: a sequence classifier with one output, an encoder (of this "
        "package or in the layout of sentence-transformers), or a causal language model that is "
        "asked whether the passage answers the query (default: what its files say)",
    )
    parser.add_argument(
        "--dtype",
        choices=DTYPES,
        help="number format in which the teacher computes (default: float32; the others are "
        "faster on a GPU, but round scores, so that MarginMSE and KL learn the rounding)",
    )
    parser.add_argument(
        "--batch-size",
        type=arguments.count,
        default=32,
        metavar="N",
        help="pairs, or texts, that the teacher reads at a time (default: 32); lower it where "
        "memory runs out",
    )
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        help="where models compute: cpu, cuda, cuda:N or mps (default: the first GPU, else the "
        "CPU)",
    )


def sources_of(args: argparse.Namespace) -> "DataSources":
    """What the options of :func:`add_sources` name."""
    from llm_encoders.data.sources import DataSources

    return DataSources(args.train, args.corpus, args.split, args.on_error)


def teacher_of(args: argparse.Namespace) -> "TeacherChoice | None":
    """What the options of :func:`add_teacher` choose; ``None`` without a teacher."""
    from llm_encoders.teachers.choice import find_teacher

    if args.teacher is None:
        return None
    return find_teacher(
        args.teacher,
        args.kind,
        device=args.device,
        dtype=args.dtype,
        batch_size=args.batch_size,
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """``--output`` and ``--overwrite``."""
    parser.add_argument(
        "--output",
        required=True,
        type=arguments.output,
        metavar="FILE",
        help="JSONL file to write; until it is whole, its lines are in FILE.partial",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="start again; the old file stays until the new one is whole",
    )
