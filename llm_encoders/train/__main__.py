"""``python -m llm_encoders.train RECIPE.yaml [key=value …]``."""

from llm_encoders.jobs.console import end_command, run_command

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
The same command resumes a run that was stopped. Several GPUs:

  torchrun --nproc-per-node 4 -m llm_encoders.train RECIPE.yaml
"""


def main() -> int:
    """Parse the command line and train."""
    from llm_encoders.train.recipe.help import recipe_parser  # imports PyTorch, which takes seconds

    parser = recipe_parser(
        "python -m llm_encoders.train",
        "Train a sparse or dense encoder by a recipe.",
        _EXAMPLE,
    )
    parser.add_argument(
        "--push-to-hub", metavar="ORGANISATION/NAME", help="publish the finished encoder"
    )
    args = parser.parse_intermixed_args()

    def work() -> None:
        from llm_encoders.checkpoints.lora_peft import quiet_peft
        from llm_encoders.train.recipe.errors import RecipeError
        from llm_encoders.train.recipe.file import load_recipe, located

        recipe = load_recipe(args.recipe, args.overrides)
        with quiet_peft():
            from llm_encoders.train.run import run  # takes seconds to import

        try:
            run(recipe, args.overwrite, args.push_to_hub)
        except RecipeError as error:  # what only the data or the backbone could tell
            raise located(error, args.recipe, args.overrides) from None

    return run_command(work)


if __name__ == "__main__":
    end_command(main)
