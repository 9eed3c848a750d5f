"""The output folder of a distillation."""

from typing import Any

from llm_encoders.distill_query.inputs import present_files
from llm_encoders.distill_query.recipe.recipe import DistillRecipe
from llm_encoders.train.run_folder import RunFolder


class DistillFolder(RunFolder):
    """As :class:`RunFolder`, of a recipe of this command."""

    keys = frozenset({"teacher", "student", "output"})

    def _inputs(self) -> list[str | None]:
        recipe: DistillRecipe = self.recipe
        candidates = recipe.candidates
        return [
            recipe.teacher.partition(",")[0],
            *(recipe.student.backbone, recipe.student.corpus, recipe.queries.source),
            *([] if candidates is None else [candidates.source, candidates.corpus]),
        ]

    def _present_files(self, prepared: dict[str, Any]) -> dict[str, str]:
        return present_files(self.recipe)
