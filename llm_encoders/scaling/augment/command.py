"""``python -m llm_encoders.scaling augment``: annotations from passages, without people."""

import argparse

from llm_encoders.errors import UsageError
from llm_encoders.jobs import arguments
from llm_encoders.scaling.augment import prompt as prompts
from llm_encoders.scaling.augment.augmentation import (
    DEPTH,
    GENERATED,
    HEADINGS,
    INVERSE_CLOZE,
    KINDS,
    Augmentation,
    Generation,
    RoundTrip,
)
from llm_encoders.scaling.augment.options import add_choice, add_generation, add_round_trip

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
        "What one of these pairs is worth in human ones: train on them, measure with\n"
        "'entropy --csv points.csv --source KIND', and give 'fit points.csv --by source\n"
        "--reference human'.\n\n"
        "Examples:\n"
        "  python -m llm_encoders.scaling augment --kind inverse-cloze \\\n"
        "    --corpus path/to/nfcorpus --output cloze.jsonl\n"
        "  python -m llm_encoders.scaling augment --kind generated --generator Qwen/Qwen3-0.6B \\\n"
        "    --chat --corpus path/to/nfcorpus --output generated.jsonl"
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
    add_choice(parser)
    add_generation(parser.add_argument_group(f"--kind {GENERATED}"))
    add_round_trip(parser.add_argument_group("round-trip consistency (arXiv 2209.11755)"))


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
