"""``python -m llm_encoders.scaling COMMAND …``: hands the command line to one command's room.

The room of a command is a package of its name. Its module ``command`` has two functions:

- ``add_arguments(parser)`` gives an ``argparse`` parser its description, example and options;
- ``run(args)`` does the work, and raises :class:`llm_encoders.errors.EncoderError`.

A room is imported when its command is called, so that one without a model needs no PyTorch.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

from llm_encoders.jobs.console import run_command

PROGRAM = "python -m llm_encoders.scaling"


class Command(NamedTuple):
    """A command of this room.

    Args:
        summary: what it does, in a line.
        resumable: whether the same command continues where it was stopped.
    """

    summary: str
    resumable: bool


COMMANDS = {
    "entropy": Command("measure the contrastive entropy of an encoder", False),
    "fit": Command("fit scaling laws to measured points", False),
    "plan": Command("find the model size and the annotations that a budget buys most with", False),
    "augment": Command("make annotations from passages, without people", True),
}


def main(words: Sequence[str] | None = None) -> int:
    """Run the command that the first word names.

    Args:
        words: the command line behind the module's name; that of the process by default.

    Returns:
        The exit code.
    """
    words = sys.argv[1:] if words is None else list(words)
    name = words[0] if words else ""
    if name not in COMMANDS:
        _parser().parse_args(words)  # ends with help, or with a sentence
    room = importlib.import_module(f"llm_encoders.scaling.{name}.command")
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} {name}")
    room.add_arguments(parser)
    args = parser.parse_args(words[1:])
    return run_command(lambda: room.run(args), resumable=COMMANDS[name].resumable)


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:{width}}  {one.summary}" for name, one in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Scaling laws of dense and sparse retrieval (arXiv 2403.18684).\n\n"
        f"Commands, each with --help:\n{listed}",
        usage=f"{PROGRAM} COMMAND …",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command", choices=list(COMMANDS), help=argparse.SUPPRESS, metavar="COMMAND"
    )
    return parser
