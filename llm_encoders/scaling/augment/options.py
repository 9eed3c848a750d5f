"""The options of an augmentation: which queries are kept, and what writes and checks them."""

import argparse
from typing import Any

from llm_encoders.jobs import arguments
from llm_encoders.scaling.augment.augmentation import (
    BATCH_SIZE,
    DEPTH,
    GENERATED,
    HEADINGS,
    INVERSE_CLOZE,
    Augmentation,
    Generation,
)

_COLDEST = 0.001
_DTYPES = ("float32", "bfloat16", "float16")


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Which passages, queries and pairs are used, and where models compute."""
    parser.add_argument(
        "--on-error",
        choices=("stop", "skip"),
        default="stop",
        help="faulty documents of the corpus: stop at the first, or skip them and list them in "
        "OUTPUT.skipped.txt (default: stop)",
    )
    parser.add_argument(
        "--limit",
        type=arguments.count,
        metavar="N",
        help="use N passages, drawn at random from those that can give a query (default: all)",
    )
    parser.add_argument(
        "--seed",
        type=arguments.seed,
        default=Augmentation.seed,
        metavar="N",
        help="of everything that is drawn at random; the same seed gives the same file "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--queries-per-passage",
        type=arguments.count,
        metavar="N",
        help=f"for {INVERSE_CLOZE} and {GENERATED}: queries of a passage, at most (default: 1)",
    )
    parser.add_argument(
        "--removal",
        type=_fraction,
        metavar="P",
        help=f"for {INVERSE_CLOZE}: how likely the passage loses the sentence that is its query "
        f"(default: {Augmentation.removal}, as in arXiv 1906.00300)",
    )
    parser.add_argument(
        "--with-title",
        action="store_const",
        const=True,
        help=f"for {HEADINGS}: the query is 'TITLE: HEADING' where the document has a title",
    )
    parser.add_argument(
        "--least-query",
        type=arguments.count,
        default=Augmentation.least_query,
        metavar="N",
        help="leave out queries of fewer letters and digits (default: %(default)s)",
    )
    parser.add_argument(
        "--least-passage",
        type=arguments.count,
        default=Augmentation.least_passage,
        metavar="N",
        help="leave out passages of fewer letters and digits (default: %(default)s)",
    )
    parser.add_argument(
        "--most-passages",
        type=arguments.count,
        default=Augmentation.most_passages,
        metavar="N",
        help="leave out queries that more passages give, such as the heading 'Examples'; 1 leaves "
        "out all that several give (default: %(default)s)",
    )
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        help="where models compute: cpu, cuda, cuda:N or mps (default: the first GPU, else the "
        "CPU)",
    )


def add_generation(group: Any) -> None:
    """How a language model writes queries.

    Args:
        group: of options, of a parser.
    """
    group.add_argument(
        "--generator",
        type=arguments.place,
        metavar="MODEL",
        help="causal or sequence-to-sequence language model: a folder or a Hub id",
    )
    group.add_argument(
        "--prompt",
        type=arguments.path,
        metavar="FILE",
        help="what the model reads, with {text} and, if wanted, {title} where those of the passage "
        "go; lines with {title} alone are left out for passages without one (default: a neutral "
        "request for a search query)",
    )
    group.add_argument(
        "--chat",
        action="store_const",
        const=True,
        help="send the prompt as a user's message in the model's chat template",
    )
    group.add_argument(
        "--temperature",
        type=_positive,
        metavar="T",
        help="draw tokens at this temperature (default: take the likeliest, greedy decoding)",
    )
    group.add_argument(
        "--top-k",
        type=arguments.count,
        metavar="K",
        help="with --temperature: draw from the K likeliest tokens",
    )
    group.add_argument(
        "--top-p",
        type=_fraction,
        metavar="P",
        help="with --temperature: draw from the fewest likeliest tokens whose probabilities sum "
        "to P",
    )
    group.add_argument(
        "--query-tokens",
        type=arguments.count,
        metavar="N",
        help=f"tokens of a query, at most (default: {Generation.query_tokens})",
    )
    group.add_argument(
        "--prompt-tokens",
        type=arguments.count,
        metavar="N",
        help="tokens of a prompt, at most; a longer passage loses its end (default: "
        f"{Generation.prompt_tokens})",
    )
    group.add_argument(
        "--batch-size",
        type=arguments.count,
        metavar="N",
        help=f"queries that are written at a time (default: {BATCH_SIZE})",
    )
    group.add_argument(
        "--dtype",
        choices=_DTYPES,
        help="number format in which the generator computes (default: bfloat16 on a GPU, float32 "
        "on a CPU)",
    )


def add_round_trip(group: Any) -> None:
    """Which queries an encoder must find the passage of.

    Args:
        group: of options, of a parser.
    """
    group.add_argument(
        "--round-trip",
        type=arguments.place,
        metavar="ENCODER",
        help="keep a query only if this encoder finds its passage again in the whole corpus: a "
        "sparse or dense encoder by name, folder or Hub id (default: keep all)",
    )
    group.add_argument(
        "--depth",
        type=arguments.count,
        metavar="K",
        help=f"with --round-trip: among the first K (default: {DEPTH})",
    )


def _positive(text: str) -> float:
    value = arguments.number(text)
    if value < _COLDEST:  # scores over less overflow
        raise argparse.ArgumentTypeError(
            f"{text} is below {_COLDEST:g}; leave it out for greedy decoding"
        )
    return value


def _fraction(text: str) -> float:
    value = arguments.number(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most 1")
    return value
