"""``python -m llm_encoders.scaling fit``: laws of measured points."""

import argparse
from pathlib import Path

from llm_encoders.jobs import arguments
from llm_encoders.scaling.fit.job import DEFAULT_LAWS, Options, fit_file
from llm_encoders.scaling.fit.law_fit import FLOORS, WITH, Settings
from llm_encoders.scaling.laws import LAWS
from llm_encoders.scaling.laws.law import ANNOTATIONS, PARAMETERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    laws = "\n".join(f"  {name:21} {law.equation}" for name, law in LAWS.items())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Fit scaling laws to measured contrastive entropies: robust least squares of log entropy,\n"
        "with intervals, the error on points held out, and warnings about what the points leave\n"
        "open. Writes laws.json for 'plan'.\n\n"
        "POINTS.csv has a header and a measurement a line. Columns: parameters (N, without\n"
        "embeddings), annotations (D, pairs of a query and a relevant passage) and entropy (L, in\n"
        "nats). Optional: seed, and paradigm, source, temperature and negatives, which one fit\n"
        f"must not mix.\n\nLaws:\n{laws}"
    )
    parser.epilog = (
        "Examples:\n"
        "  python -m llm_encoders.scaling fit points.csv --plot plots\n"
        "  python -m llm_encoders.scaling fit points.csv --where paradigm=sparse --predict "
        "parameters=1e9,annotations=5e5\n"
        "  python -m llm_encoders.scaling fit points.csv --by source --reference human"
    )
    parser.add_argument("points", metavar="POINTS.csv", type=arguments.path, help="measured points")
    parser.add_argument(
        "--output",
        default=Path("laws.json"),
        metavar="FILE",
        type=arguments.output,
        help="file of the laws (default: laws.json)",
    )
    parser.add_argument(
        "--laws",
        default=DEFAULT_LAWS,
        nargs="+",
        choices=list(LAWS),
        metavar="LAW",
        help=f"which to fit (default: {' '.join(DEFAULT_LAWS)}); those that the points cannot "
        "identify are left out, with the reason",
    )
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        type=_condition,
        help="only points that have this value; repeat it for several columns",
    )
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="COLUMN",
        type=arguments.text,
        help="laws for every value of a column; repeat it for several columns",
    )
    parser.add_argument(
        "--reference",
        default=None,
        metavar="VALUE",
        type=arguments.text,
        help="of the first --by column: says what one annotation of its other values is worth in "
        "annotations of this one",
    )
    parser.add_argument(
        "--at",
        default=(),
        metavar="L,L,…",
        type=_entropies,
        help="with --reference: entropies in nats at which annotations are compared (default: "
        "three that both reached)",
    )
    parser.add_argument(
        "--predict",
        action="append",
        default=[],
        metavar="SIZES",
        type=_sizes,
        help="forecast, as parameters=1e9,annotations=5e5, or one of the two; may be repeated",
    )
    parser.add_argument(
        "--delta",
        default=WITH,
        choices=FLOORS,
        help="fit the entropy that is left at infinite size (delta or E), fix it at 0, or do what "
        "AICc prefers (default: with)",
    )
    parser.add_argument(
        "--bootstrap",
        default=1000,
        metavar="N",
        type=arguments.integer(100, 100_000),
        help="redrawn sets of points that intervals are made of (default: 1000)",
    )
    parser.add_argument(
        "--seed",
        default=0,
        metavar="N",
        type=arguments.seed,
        help="of the draws (default: 0)",
    )
    parser.add_argument(
        "--plot",
        default=None,
        metavar="FOLDER",
        type=arguments.output,
        help="draw every law, on logarithmic scales, as SVG (needs matplotlib)",
    )


def run(args: argparse.Namespace) -> None:
    """Fit, report and write."""
    fit_file(
        Options(
            points=args.points,
            output=args.output,
            laws=tuple(dict.fromkeys(args.laws)),
            where=tuple(args.where),
            by=tuple(dict.fromkeys(args.by)),
            reference=args.reference,
            at=args.at,
            predict=tuple(args.predict),
            plot=args.plot,
            settings=Settings(args.delta, args.bootstrap, args.seed),
        )
    )


def _condition(text: str) -> tuple[str, str]:
    column, sign, value = text.partition("=")
    if not sign or not column.strip():
        raise argparse.ArgumentTypeError(f"'{text}' is not COLUMN=VALUE")
    return column.strip(), value.strip()


def _positive(text: str) -> float:
    value = arguments.number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _entropies(text: str) -> tuple[float, ...]:
    return tuple(dict.fromkeys(_positive(part) for part in text.split(",")))


def _sizes(text: str) -> dict[str, float]:
    found = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        name = name.strip()
        if name not in (PARAMETERS, ANNOTATIONS) or name in found:
            raise argparse.ArgumentTypeError(
                f"'{text}' is not like {PARAMETERS}=1e9,{ANNOTATIONS}=5e5"
            )
        found[name] = _positive(value)
    return found
