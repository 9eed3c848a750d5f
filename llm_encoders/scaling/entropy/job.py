"""One measurement: check, load, encode, report."""

import argparse
from typing import Any

import numpy as np

from llm_encoders.checkpoints.resolve import resolve_spec
from llm_encoders.data.sources import skipped_of
from llm_encoders.errors import UsageError
from llm_encoders.evaluation.entropy import Sample
from llm_encoders.evaluation.measures.contrastive_entropy import NEGATIVES
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.outputs import require_writable
from llm_encoders.jobs.removal import require_apart
from llm_encoders.scaling.entropy.data import Source
from llm_encoders.scaling.entropy.encoders import load_sides
from llm_encoders.scaling.entropy.measuring import (
    measured,
    process_group,
    shared_folder,
    wait_for_first,
)
from llm_encoders.scaling.entropy.points import append_point, require_points
from llm_encoders.scaling.entropy.report import Report, require_report
from llm_encoders.scaling.entropy.size import non_embedding_parameters, recorded
from llm_encoders.train.gather import rank

_ALWAYS = ("paradigm", "temperature", "negatives")
"""What a point always tells."""


def measure(args: argparse.Namespace) -> None:
    """Measure, print a line, and write what is asked for.

    Args:
        args: of :func:`llm_encoders.scaling.entropy.command.add_arguments`.

    Raises:
        EncoderError: data, encoder or options that give no figure; says why.
    """
    _check(args)
    source = _source(args)
    inputs = [source.path, source.corpus, args.encoder, args.passage_encoder]
    for option, output in (("--output", args.output), ("--csv", args.csv)):
        if output is not None:
            require_apart(output, inputs)
            require_writable(output, option)
    if args.output is not None:
        require_report(args.output)
    if args.csv is not None:
        require_points(args.csv, _ALWAYS)
    resolve_spec(args.encoder)  # whether there is one, before a long reading
    with process_group(), shared_folder() as work:
        wait_for_first(lambda: source.store(work))
        passages, pairs = source.open(work, warns=rank() == 0)
        sample = Sample(pairs, args.negatives or NEGATIVES, args.redraws, args.seed)
        _require_enough(sample, source, args)
        queries, documents = load_sides(args.encoder, args.passage_encoder, args.device, args.dtype)
        for encoder in (queries, documents) if args.batch_size is not None else ():
            encoder.batch_size = args.batch_size
        size = _size(args, queries, documents)
        if args.csv is not None:
            told = {"seed": size[2] is not None, "source": args.source is not None}
            require_points(args.csv, [*_ALWAYS, *(name for name, one in told.items() if one)])
        temperature = args.temperature or queries.config.temperature
        entropy = measured(sample, passages, queries, documents, temperature)
        assert entropy is not None  # there are pairs with negatives
        if rank() == 0:
            _report(args, Report.of(args, source, sample, entropy, queries, temperature, size))


def _check(args: argparse.Namespace) -> None:
    if args.temperature is not None and args.temperature <= 0:
        raise UsageError(f"--temperature is {args.temperature:g}; give a number above 0.")
    for name in ("parameters", "annotations"):
        value = getattr(args, name)
        if value is not None and (value < 1 or value != int(value)):
            raise UsageError(f"--{name} is {value:g}; give a whole number of at least 1.")
    if args.pairs is not None and args.split is not None:
        raise UsageError("--split is for --collection; leave it out.")
    if args.collection is not None and args.corpus is not None:
        raise UsageError("--corpus is for --pairs; a collection has its own. Leave it out.")
    if args.csv is None:
        for name in ("parameters", "annotations", "training_seed", "source"):
            if getattr(args, name) is not None:
                raise UsageError(f"--{name.replace('_', '-')} is for --csv; leave it out.")
    if args.on_error == "skip" and args.output is None:
        raise UsageError("--on-error skip lists faulty passages beside --output; name one.")


def _source(args: argparse.Namespace) -> Source:
    listing = None if args.output is None else skipped_of(args.output)
    if args.collection is not None:
        return Source(args.collection, args.split or "test", None, args.on_error, listing)
    return Source(args.pairs, None, args.corpus, args.on_error, listing)


def _size(
    args: argparse.Namespace, queries: Any, documents: Any
) -> tuple[int | None, int | None, int | None]:
    """Parameters, annotations and training seed, as given or else as found.

    Raises:
        UsageError: a point lacks one of the first two.
    """
    annotations, seed = None, None
    if queries is documents:
        annotations, seed = recorded(documents.files.folder)
    parameters = args.parameters or non_embedding_parameters(queries, documents)
    annotations = args.annotations or annotations
    if args.csv is not None and parameters is None:
        raise UsageError(
            f"{args.encoder} is not one model of plain weights, so its parameters cannot be "
            "counted; give --parameters."
        )
    if args.csv is not None and annotations is None:
        raise UsageError(
            f"No record says on how many pairs {args.encoder} was trained; give --annotations. "
            "(A training run records them once it has seen all of its queries.)"
        )
    seed = seed if args.training_seed is None else args.training_seed
    return (
        None if parameters is None else int(parameters),
        None if annotations is None else int(annotations),
        seed,
    )


def _require_enough(sample: Sample, source: Source, args: argparse.Namespace) -> None:
    """Refuse pairs without negatives, and with fewer than are due.

    Raises:
        UsageError: says how many there are.
    """
    if not len(sample.available):
        raise UsageError(f"{source.name} has no pair of a query and a relevant passage.")
    if not sample.pairs_measured:
        raise UsageError(
            f"{source.name}: to each query, every passage is relevant, so there are no negatives."
        )
    fewest = int(sample.available.min())
    if fewest < NEGATIVES and args.negatives is None:
        short = int(np.count_nonzero(sample.available < NEGATIVES))
        raise UsageError(
            f"{source.name}: for {short:,} of {len(sample.available):,} pairs there are fewer than "
            f"{NEGATIVES} passages that are not relevant, for one only {fewest:,}. Give "
            f"--negatives {max(1, fewest)}, or --negatives {NEGATIVES} to take all there are."
        )
    if args.csv is not None and not fewest:
        raise UsageError(
            f"{source.name}: for a pair there is no passage that is not relevant, and the "
            "negatives of a point must be equally many for all pairs; leave --csv out."
        )
    if args.csv is not None and fewest < (args.negatives or NEGATIVES):
        raise UsageError(
            f"{source.name}: for a pair there are only {fewest:,} passages that are not relevant, "
            "and the negatives of a point must be equally many for all pairs; give --negatives "
            f"{fewest}."
        )


def _report(args: argparse.Namespace, report: Report) -> None:
    print(report.line(), flush=True)  # if it cannot be written, it is not lost
    if args.output is not None:
        write_atomically(args.output, report.json())
    if args.csv is not None:
        append_point(args.csv, report.point())
