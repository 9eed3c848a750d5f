"""``python -m llm_encoders.train RECIPE.yaml [key=value …]``."""

import argparse
import dataclasses
import sys
import textwrap
import typing

from llm_encoders.checkpoints.lora_adapter import quiet_peft
from llm_encoders.jobs.console import run_command
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.recipe.recipe import Recipe

_EXAMPLE = """
A recipe, as short as it can be:

  backbone: meta-llama/Llama-3.2-1B
  output: runs/my-encoder
  encoder: {paradigm: sparse}
  objective: {contrastive: 1}
  regularisation: {queries: 0.05, passages: 0.04}
  data: {train: path/to/nfcorpus, negatives: 0}
  schedule: {epochs: 1}

Any key can be replaced on the command line: schedule.epochs=3 output=runs/other.
The same command goes on with a run that was stopped. Several GPUs:

  torchrun --nproc-per-node 4 -m llm_encoders.train RECIPE.yaml
"""


def _keys() -> str:
    """All keys of a recipe, a line each section."""
    hints = typing.get_type_hints(Recipe)
    alone, sections = [], []
    for name, hint in hints.items():
        inner = [one for one in (hint, *typing.get_args(hint)) if dataclasses.is_dataclass(one)]
        if inner:
            keys = ", ".join(field.name for field in dataclasses.fields(inner[0]))
            sections.append(textwrap.fill(f"{name}: {keys}", 88, subsequent_indent="    "))
        else:
            alone.append(name)
    return "\n".join(f"  {line}" for line in [", ".join(alone), *sections]) + "\n"


def main() -> int:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(
        prog="python -m llm_encoders.train",
        description="Train a sparse or dense encoder by a recipe.",
        epilog=f"Keys of a recipe:\n\n{_keys()}\n{_EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", help="YAML file")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="replaces a recipe's key")
    parser.add_argument("--overwrite", action="store_true", help="begin anew")
    parser.add_argument(
        "--push-to-hub", metavar="ORGANISATION/NAME", help="publish the finished encoder"
    )
    args = parser.parse_intermixed_args()

    def work() -> None:
        recipe = load_recipe(args.recipe, args.overrides)
        with quiet_peft():
            from llm_encoders.train.run import run  # takes seconds to import

        run(recipe, args.overwrite, args.push_to_hub)

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
