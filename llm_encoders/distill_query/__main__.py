"""``python -m llm_encoders.distill_query``: a query encoder for an index that stays as it is."""

import importlib
import sys

from llm_encoders.jobs.console import end_command

COMMANDS = {"evaluate": "tradeoff.command", "onnx": "onnx_export.command"}
"""Words that begin another command than training, and its module."""
_TRAINING = "command"


def main() -> int:
    """Hand the command line to the command that its first word names; else it is a recipe."""
    words = sys.argv[1:]
    name = words[0] if words else ""
    module = importlib.import_module(f"llm_encoders.distill_query.{COMMANDS.get(name, _TRAINING)}")
    code: int = module.main(words[1:] if name in COMMANDS else words)
    return code


if __name__ == "__main__":
    end_command(main)
