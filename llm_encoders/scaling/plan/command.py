"""``python -m llm_encoders.scaling plan``: what a budget should be spent on."""

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from llm_encoders.errors import EncoderError, UsageError, listed
from llm_encoders.jobs import arguments
from llm_encoders.scaling.plan import quantity
from llm_encoders.scaling.plan.prices import Prices
from llm_encoders.scaling.plan.quantity import Range
from llm_encoders.scaling.plan.surface import Space

_EPILOG = """
A file of prices, in one currency throughout (the figures are made up):

  annotation: 0.5              # an hour of a judge gives 60 annotations
  gpu_hour: 2.5
  gpu_flops: 312T
  training_utilisation: 0.4
  inference_utilisation: 0.3
  pair_tokens: 600             # a query, its passage and its share of the negatives
  epochs: 20
  passages: 10M
  passage_tokens: 100
  reencodings: 4               # the corpus is encoded again every quarter
  indexed_passage: 0.00001
  queries_per_day: 1M
  horizon_days: 365
  query_tokens: 12

  python -m llm_encoders.scaling plan laws.json --prices prices.yaml --budget 20K \\
    --models 1B=973M,3B=2.8B,8B=6.98B --json plan.json --curves curves.csv --plot plan.svg

A number may end in K, M, B or T for thousand, million, billion and trillion. N parameters are
without embeddings; a token costs 6N operations in training and 2N in encoding (arXiv 2001.08361).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Find the model size N and the annotations D that a budget buys the lowest contrastive\n"
        "entropy with, or that reach an entropy at the lowest cost, by fitted scaling laws."
    )
    parser.epilog = _EPILOG
    parser.usage = "%(prog)s LAWS.json --prices FILE.yaml --budget MONEY [option …]"
    add = parser.add_argument
    add("laws", metavar="LAWS.json", type=arguments.path, help="laws, as the command fit writes")
    add("--law", default="joint", metavar="NAME", help="joint or additive (default: joint)")
    add(
        "--where",
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="of laws that were fitted by group, plan by this group alone, as in paradigm=sparse; "
        "repeatable (default: a plan a group)",
    )
    add("--budget", metavar="MONEY", type=_number(above=0), help="money to spend as well as can be")
    add(
        "--target-entropy",
        metavar="NATS",
        type=_number(above=0),
        help="entropy to reach as cheaply as can be",
    )
    add(
        "--models",
        metavar="LIST",
        type=arguments.text,
        help="models that can be had, as in 1B=973M,3B=2.8B, or a YAML file that lists "
        "{name: 1B, parameters: 973M}; the plan is for one of them (default: any N)",
    )
    add("--without-inference", action="store_true", help="plan for annotating and training alone")
    bounded = {"parameters": "of any N; a model of --models has its own", "annotations": "of D"}
    for name, ends in dataclasses.asdict(Space()).items():
        add(
            f"--{name}-between",
            nargs=2,
            default=ends,
            metavar=("LEAST", "MOST"),
            type=_number(above=0),
            help=f"bounds {bounded[name]} (default: {' '.join(map(quantity.written, ends))})",
        )
    add("--json", metavar="FILE", type=arguments.output, help="write the whole plan as JSON")
    add(
        "--curves",
        metavar="FILE.csv",
        type=arguments.output,
        help="write the iso-loss and iso-cost curves as a table",
    )
    add("--plot", metavar="FILE.svg", type=arguments.output, help="draw it (needs matplotlib)")
    prices = parser.add_argument_group(
        "prices", "Each is an option, or a key of the file of --prices; an option goes before."
    )
    prices.add_argument(
        "--prices", metavar="FILE.yaml", type=arguments.path, help="prices, one key a line"
    )
    for one in dataclasses.fields(Prices):
        prices.add_argument(
            f"--{one.name.replace('_', '-')}",
            metavar="MONEY" if one.metadata["unit"].startswith("money") else "NUMBER",
            type=_number(**vars(one.metadata["allowed"])),
            help=f"{one.metadata['meaning']} ({one.metadata['unit']})",
        )


def run(args: argparse.Namespace) -> None:
    """Plan, write what is asked for and print the plan."""
    from llm_encoders.jobs.atomic import write_atomically
    from llm_encoders.jobs.fingerprint import checksum
    from llm_encoders.jobs.plotting import NO_PLOT, can_plot
    from llm_encoders.scaling.laws.file import read_laws
    from llm_encoders.scaling.plan import cost, plot, report
    from llm_encoders.scaling.plan.curves import as_csv
    from llm_encoders.scaling.plan.models import read_models
    from llm_encoders.scaling.plan.outputs import CURVES, JSON, PLOT, require_outputs
    from llm_encoders.scaling.plan.planning import Task, make_plan
    from llm_encoders.scaling.plan.prices import read_prices

    if args.budget is None and args.target_entropy is None:
        raise UsageError("Give --budget, --target-entropy or both.")
    require_outputs(
        {JSON: args.json, CURVES: args.curves, PLOT: args.plot},
        [args.laws, args.prices, args.models],
    )
    options = {one.name: getattr(args, one.name) for one in dataclasses.fields(Prices)}
    prices = read_prices(args.prices, options)
    bills = {False: cost.development(prices)}
    if not args.without_inference:
        bills[True] = bills[False] | cost.inference(prices)
    task = Task(
        bills,
        args.budget,
        args.target_entropy,
        Space(*(_bounds(args, name) for name in ("parameters", "annotations"))),
        read_models(args.models) if args.models else (),
    )
    file = read_laws(args.laws)
    chosen = _chosen(file.laws, args.law, args.where, str(args.laws))
    plans = [make_plan(one, task) for one in chosen]
    if args.json is not None:
        laws = {
            "file": args.laws.name,
            "sha256": checksum(args.laws),
            "conditions": dict(file.conditions),
        }
        write_atomically(args.json, report.as_json(plans, task, prices, laws))
    if args.curves is not None:
        curves = [
            (one.fitted.law.name, report.group_name(one.fitted), curve)
            for one in plans
            for curve in one.curves
        ]
        write_atomically(args.curves, as_csv(curves))
    if args.plot is not None and can_plot():
        write_atomically(args.plot, plot.plot(plans, args.plot.suffix))
    print(report.as_text(plans, task, args.laws, file.conditions), end="")
    if args.plot is not None and not can_plot():
        print(NO_PLOT)


def _number(**bounds: float) -> Callable[[str], float]:
    """What ``argparse`` takes as ``type=``."""
    allowed = Range(**bounds)

    def parse(text: str) -> float:
        try:
            return quantity.parse(text, "it", allowed)
        except EncoderError as error:
            raise argparse.ArgumentTypeError(str(error).rstrip(".")) from None

    return parse


def _bounds(args: argparse.Namespace, name: str) -> tuple[float, float]:
    least, most = getattr(args, f"{name}_between")
    if least >= most:
        raise UsageError(
            f"--{name}-between {least:g} {most:g}: the first number must be less than the second."
        )
    return least, most


def _chosen(laws: Sequence[Any], name: str, where: Sequence[str], file: str) -> Sequence[Any]:
    """The laws of that name, and of those groups."""
    named = [one for one in laws if one.law.name == name]
    if not named:
        names = list(dict.fromkeys(one.law.name for one in laws))
        usable = list(dict.fromkeys(one.law.name for one in laws if len(one.law.uses) > 1))
        raise UsageError(
            f"{file} has no law '{name}'; it has {listed(names)}. "
            + (
                f"Choose with --law {' or '.join(usable)}."
                if usable
                else "A plan weighs N against D, so it needs the law joint or additive; fit one to "
                "points where each of them changes."
            )
        )
    for pair in where:
        column, separator, value = pair.partition("=")
        if not separator:
            raise UsageError(f"--where {pair}: write COLUMN=VALUE, as in paradigm=sparse.")
        kept = [one for one in named if one.group.get(column) == value]
        if not kept:
            groups = [f"{key}={of}" for one in named for key, of in one.group.items()]
            there = (
                f"it has {listed(list(dict.fromkeys(groups)))}" if groups else "it has no groups"
            )
            raise UsageError(f"--where {pair}: {file} has no such law '{name}'; {there}.")
        named = kept
    sources = list(dict.fromkeys(one.group["source"] for one in named if "source" in one.group))
    if len(sources) > 1:
        raise UsageError(
            f"{file} has laws of annotations from {listed(sources)}, but an annotation has one "
            f"price. Plan for one source: --where source={sources[0]}."
        )
    return named
