"""``python -m llm_encoders.scaling augment``: annotations from passages, without people."""

import argparse
from typing import Any

from llm_encoders.errors import UsageError
from llm_encoders.jobs import arguments
from llm_encoders.scaling.augment import prompt as prompts
from llm_encoders.scaling.augment.augmentation import (
    BATCH_SIZE,
    DEPTH,
    GENERATED,
    HEADINGS,
    INVERSE_CLOZE,
    KINDS,
    Augmentation,
    Generation,
    RoundTrip,
)

_DTYPES = ("float32", "bfloat16", "float16")
_OF_KINDS = {
    "queries_per_passage": (INVERSE_CLOZE, GENERATED),
    "removal": (INVERSE_CLOZE,),
    "with_title": (HEADINGS,),
    **dict.fromkeys(
        (
            *("generator", "prompt", "chat", "temperature", "top_k", "top_p"),
            *("query_tokens", "prompt_tokens", "batch_size", "dtype"),
        ),
        (GENERATED,),
    ),
}
"""Options of some kinds alone."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Description, example and options."""
    kinds = "\n".join(f"  {name:14} {kind.summary}" for name, kind in KINDS.items())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Make training data of a corpus: queries with the passages that answer them, without\n"
        "people. If it was stopped, run the same command again to resume.\n\n"
        f"Kinds, each the 'source' of its records:\n{kinds}"
    )
    parser.epilog = (
        "Equal queries of several passages become one record with all of them. Queries and\n"
        "passages that are nearly empty, and queries equal to their passage, are left out.\n\n"
        "Example: python -m llm_encoders.scaling augment --kind inverse-cloze \\\n"
        "  --corpus path/to/nfcorpus --output cloze.jsonl"
    )
    parser.add_argument(
        "--kind", required=True, choices=list(KINDS), help="where the queries come from, see above"
    )
    parser.add_argument(
        "--corpus",
        required=True,
        type=arguments.place,
        metavar="PATH",
        help="documents: a JSONL, TSV, Parquet or TREC CAR file or a folder of them, a folder in "
        "BEIR layout, a dataset saved by datasets, or hf:DATASET",
    )
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
    _add_choice(parser)
    _add_generation(parser.add_argument_group(f"--kind {GENERATED}"))
    _add_round_trip(parser.add_argument_group("round-trip consistency (arXiv 2209.11755)"))


def _add_choice(parser: argparse.ArgumentParser) -> None:
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


def _add_generation(group: Any) -> None:
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


def _add_round_trip(group: Any) -> None:
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
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0; leave it out for greedy decoding")
    return value


def _fraction(text: str) -> float:
    value = arguments.number(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most 1")
    return value


def run(args: argparse.Namespace) -> None:
    """Do the work.

    Raises:
        EncoderError: options that do not fit together, faulty input, or nothing is left.
    """
    _require_fitting(args)
    given = {name: value for name, value in vars(args).items() if value is not None}
    augmentation = Augmentation(**{k: given[k] for k in _fields(Augmentation) if k in given})
    generation = None
    if args.kind == GENERATED:
        prompt = prompts.DEFAULT if args.prompt is None else prompts.read_prompt(args.prompt)
        own = {k: given[k] for k in _fields(Generation) if k in given}
        generation = Generation(**{**own, "prompt": prompt})
    round_trip = None
    if args.round_trip is not None:
        round_trip = RoundTrip(args.round_trip, args.depth or DEPTH)

    from llm_encoders.checkpoints.remote_code import close_kernels

    close_kernels()  # before Transformers is imported
    from llm_encoders.scaling.augment.job import augment

    augment(
        args.corpus,
        augmentation,
        args.output,
        generation=generation,
        round_trip=round_trip,
        on_error=args.on_error,
        device=args.device,
        overwrite=args.overwrite,
    )


def _fields(kind: type) -> list[str]:
    return list(kind.__dataclass_fields__)  # type: ignore[attr-defined]


def _require_fitting(args: argparse.Namespace) -> None:
    """Refuse options that would do nothing."""
    for name, kinds in _OF_KINDS.items():
        if getattr(args, name) is not None and args.kind not in kinds:
            raise UsageError(
                f"{_option(name)} is for --kind {' and '.join(kinds)}; with {args.kind} leave it "
                "out."
            )
    if args.kind == GENERATED and args.generator is None:
        raise UsageError(f"--kind {GENERATED} needs --generator, the model that writes queries.")
    if args.temperature is None:
        for name in ("top_k", "top_p"):
            if getattr(args, name) is not None:
                raise UsageError(
                    f"{_option(name)} needs --temperature: greedy decoding draws nothing. Give "
                    "one, such as 1, or leave it out."
                )
        if args.kind == GENERATED and (args.queries_per_passage or 1) > 1:
            raise UsageError(
                "--queries-per-passage needs --temperature: greedy decoding writes the same query "
                "again. Give one, such as 0.7."
            )
    if args.depth is not None and args.round_trip is None:
        raise UsageError("--depth needs --round-trip, the encoder that ranks the passages.")
    if args.device is not None and args.kind != GENERATED and args.round_trip is None:
        raise UsageError(
            f"--device is for models; --kind {args.kind} without --round-trip needs none. Leave it "
            "out."
        )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
