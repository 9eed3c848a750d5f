"""``python -m llm_encoders.distill_query RECIPE.yaml [key=value …]``."""

from collections.abc import Sequence

from llm_encoders.jobs.console import run_command

_EXAMPLE = """
A recipe, as short as it can be:

  teacher: llm-dense-tiny
  output: runs/student
  student: {kind: layers, layers: 2}
  queries: {source: queries.jsonl}
  losses: {mse: 1, cosine: 1}
  schedule: {epochs: 10}

Any key can be replaced on the command line: schedule.epochs=3 output=runs/other.
The same command resumes a run that was stopped. Several GPUs:

  torchrun --nproc-per-node 4 -m llm_encoders.distill_query RECIPE.yaml

Other commands, each with --help:

  python -m llm_encoders.distill_query evaluate   compares students with their teacher
  python -m llm_encoders.distill_query onnx       exports a student for ONNX Runtime
"""


def main(arguments: Sequence[str]) -> int:
    """Parse the command line and distil."""
    from llm_encoders.distill_query.recipe.recipe import DistillRecipe
    from llm_encoders.train.recipe.help import recipe_parser

    parser = recipe_parser(
        "python -m llm_encoders.distill_query",
        "Train a small query encoder by a recipe. It imitates the queries of a teacher, and "
        "searches the teacher's index, which stays as it is (ScalingNote).",
        _EXAMPLE,
        DistillRecipe,
    )
    args = parser.parse_intermixed_args(list(arguments))

    def work() -> None:
        from llm_encoders.checkpoints.lora_peft import quiet_peft
        from llm_encoders.train.recipe.errors import RecipeError
        from llm_encoders.train.recipe.file import located, read_recipe

        recipe = read_recipe(DistillRecipe, args.recipe, args.overrides)
        with quiet_peft():
            from llm_encoders.distill_query.run import run  # takes seconds to import

        try:
            run(recipe, args.overwrite)
        except RecipeError as error:  # what only the data or the teacher could tell
            raise located(error, args.recipe, args.overrides) from None

    return run_command(work)
