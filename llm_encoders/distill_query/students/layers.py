"""The teacher with fewer layers."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from llm_encoders.checkpoints.backbone import load_backbone
from llm_encoders.distill_query.students.network import VOCABULARY_HEAD, Network, prepared
from llm_encoders.distill_query.students.student import StudentKind, contract_of
from llm_encoders.distill_query.teacher_side import TeacherSide
from llm_encoders.errors import EncoderError
from llm_encoders.heads.projection import load_projections
from llm_encoders.heads.term_head import TermHead
from llm_encoders.train.recipe.errors import RecipeError

if TYPE_CHECKING:
    from llm_encoders.distill_query.recipe.recipe import DistillRecipe


class _Layers(StudentKind):
    name = "layers"
    citation = "layers kept as in DistilBERT (arXiv 1910.01108)"

    def build(
        self,
        recipe: "DistillRecipe",
        teacher: TeacherSide,
        device: torch.device,
        dtype: torch.dtype,
        work: Path,
    ) -> Network:
        """See :class:`StudentKind`; embeddings, final norm, head and projections are the
        teacher's."""
        student = recipe.student
        assert student.layers is not None
        self.check(recipe, teacher)
        files, count = teacher.require_model(self.name), _layer_count(teacher)
        teacher.release()
        first = student.which != "every"
        frozen = dtype if student.adapter is not None else torch.float32
        loaded = load_backbone(files, device, frozen, layers=student.layers if first else None)
        if not first:
            keep_layers(loaded.model, every(student.layers, count))
        settled: dict[str, Any] = {}
        head = None
        if teacher.contract.vocabulary_head is not None:
            settled = {"vocabulary_head": VOCABULARY_HEAD}
            head = TermHead.load(
                files.folder / teacher.contract.vocabulary_head, loaded.hidden_size
            )
            head = head.to(device, torch.float32)
        contract = contract_of(recipe, teacher.contract, **settled)
        width = loaded.hidden_size * len(contract.pooling.split("+"))
        projections = load_projections(files.folder, contract.projections, width, device)
        model = prepared(loaded.model, student.adapter, recipe.schedule.seed)
        return Network(model, loaded.tokenizer, contract, files.backbone, projections, head)

    def check(self, recipe: "DistillRecipe", teacher: TeacherSide) -> None:
        """See :class:`StudentKind`."""
        teacher.require_model(self.name)
        wanted, count = recipe.student.layers or 0, _layer_count(teacher)
        if wanted > count:
            raise RecipeError(
                "student.layers",
                f"student.layers is {wanted}, but {recipe.teacher} has {count}; lower it.",
            )

    def describe(self, recipe: "DistillRecipe") -> str:
        """See :class:`StudentKind`."""
        student = recipe.student
        spaced = student.which == "every"
        which = f"{student.layers} evenly spaced" if spaced else f"first {student.layers}"
        how = "by an adapter, which is merged" if student.adapter else "with all weights"
        return f"the {which} layers of the teacher, trained {how}"


def every(kept: int, count: int) -> list[int]:
    """Numbers of the layers that are kept of ``count``: floor(i count / kept).

    For half of the layers it is every second, beginning with the first.
    """
    return [number * count // kept for number in range(kept)]


def keep_layers(model: Any, numbers: list[int]) -> None:
    """Keep these layers of a model, in this order, in place.

    Raises:
        EncoderError: its layers are not one list.
    """
    config = model.config.get_text_config()
    lists = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == config.num_hidden_layers
    ]
    if len(lists) != 1:
        raise EncoderError(
            f"{type(model).__name__} has {len(lists)} lists of {config.num_hidden_layers} layers, "
            "so it is not known which to keep; write 'which: first'."
        )
    name, layers = lists[0]
    kept = nn.ModuleList([layers[number] for number in numbers])
    owner, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(owner), attribute, kept)
    for number, layer in enumerate(kept):
        parts: Iterator[Any] = layer.modules()
        for part in parts:
            if hasattr(part, "layer_idx"):
                part.layer_idx = number
    if getattr(config, "layer_types", None) is not None:
        config.layer_types = [config.layer_types[number] for number in numbers]
    config.num_hidden_layers = len(numbers)


def _layer_count(teacher: TeacherSide) -> int:
    decoder = teacher.query_tower.backbone.decoder
    return int(decoder.config.get_text_config().num_hidden_layers)


LAYERS = _Layers()
