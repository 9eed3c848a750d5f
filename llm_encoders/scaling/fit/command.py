"""``python -m llm_encoders.scaling fit``: laws of measured points."""

import argparse

from llm_encoders.jobs import arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.description = "Fit scaling laws to measured contrastive entropies."
    parser.add_argument("points", metavar="POINTS.csv", type=arguments.path)


def run(args: argparse.Namespace) -> None:
    """Fit, report and write."""
    raise NotImplementedError
