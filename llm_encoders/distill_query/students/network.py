"""Students that are transformers: a model, its tokenizer, and what stands behind the pooling."""

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from llm_encoders.checkpoints.backbone import Backbone
from llm_encoders.checkpoints.backbone_checks import head_weight
from llm_encoders.config import CONFIG_NAME, EncoderConfig
from llm_encoders.distill_query.students.student import Student, seeded
from llm_encoders.distill_query.teacher_side import TeacherSide
from llm_encoders.encoding.tokens import tokenize_texts
from llm_encoders.heads.projection import WEIGHTS_NAME, Projection
from llm_encoders.heads.representation import pooled_tokens, represent
from llm_encoders.heads.term_head import TermHead
from llm_encoders.train.compute import ModelShape
from llm_encoders.train.model import with_adapter
from llm_encoders.train.output import write_tokenizer

PROJECTION, VOCABULARY_HEAD = "projection", "vocabulary_head"


class Network(Student):
    """A transformer as a query tower.

    Args:
        language_model: a Transformers model, or a PEFT model around one; with its LM head where
            that gives the weights of terms.
        tokenizer: its own.
        contract: how the finished student encodes.
        source: where the model came from, for errors.
        projections: layers behind the pooling; dense only.
        head: over the teacher's terms, float32; sparse only, in place of the LM head.
    """

    def __init__(
        self,
        language_model: Any,
        tokenizer: Any,
        contract: EncoderConfig,
        source: Any,
        projections: Sequence[Projection] = (),
        head: TermHead | None = None,
    ) -> None:
        super().__init__()
        self.language_model = language_model
        self.tokenizer, self.contract, self.source = tokenizer, contract, source
        self.projections = nn.ModuleList(projections)
        self.terms = None if head is None else head.terms
        self.vocabulary_head = None if head is None else nn.Parameter(head.weight)
        bias = None if head is None else head.bias
        self.vocabulary_bias = None if bias is None else nn.Parameter(bias)

    @property
    def bare(self) -> Any:
        """The Transformers model without PEFT's wrapper."""
        model = self.language_model
        return model.get_base_model() if hasattr(model, "peft_config") else model

    def backbone(self) -> Backbone:
        """Model and head as the encoders use them; they share the weights."""
        return self._backbone

    @cached_property
    def _backbone(self) -> Backbone:
        lm_head = self.contract.paradigm == "sparse" and self.terms is None
        decoder = self.bare.base_model if lm_head else self.bare
        head = head_weight(self.bare, self.source) if lm_head else self.vocabulary_head
        device = next(self.parameters()).device
        return Backbone(decoder, head, self.tokenizer, device, head_bias=self.vocabulary_bias)

    def query_token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """See :class:`Student`."""
        positions = self.backbone().positions
        return tokenize_texts(self.tokenizer, self.contract, "query", positions, texts)

    def forward(
        self, token_ids: Tensor, attention_mask: Tensor, unpooled: Tensor | None = None
    ) -> Tensor:
        """See :class:`Student`."""
        model = self.backbone()
        states = model.hidden_states(token_ids, attention_mask)
        pooled = pooled_tokens(token_ids, attention_mask, self.contract, self.tokenizer, unpooled)
        layers = list(self.projections)
        return represent(states, pooled, self.contract, model.head, layers, model.head_bias)

    def operations(self, lengths: Iterable[int]) -> float:
        """See :class:`Student` and :mod:`llm_encoders.train.compute`."""
        shape = ModelShape.of(self)
        layers: Iterable[Any] = self.projections
        projected = sum(one.linear.weight.numel() for one in layers)
        return float(sum(shape.text(length) + 6 * projected for length in lengths))

    def write(self, folder: Path, teacher: TeacherSide) -> None:
        """See :class:`Student`; an adapter is merged."""
        folder.mkdir(parents=True, exist_ok=True)
        model = self.language_model
        if hasattr(model, "merge_and_unload"):
            model = model.merge_and_unload()
        model.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)
        write_tokenizer(self.tokenizer, folder)
        for name, projection in zip(self.contract.projections, self.projections, strict=True):
            _write_projection(folder / name, projection)
        if self.vocabulary_head is not None and self.terms is not None:
            head = TermHead(self.vocabulary_head, self.vocabulary_bias, self.terms)
            head.save(folder / VOCABULARY_HEAD)
        teacher.identity.save_beside(folder, self.contract)
        (folder / CONFIG_NAME).write_text(self.contract.text(), encoding="utf-8")


def new_projection(width: int, dimension: int) -> Projection:
    """A linear layer into the teacher's space, with PyTorch's random weights."""
    return Projection(nn.Linear(width, dimension, dtype=torch.float32), nn.Identity())


def _write_projection(folder: Path, projection: Any) -> None:
    folder.mkdir(exist_ok=True)
    linear, kind = projection.linear, type(projection.activation)
    values = {
        "in_features": linear.in_features,
        "out_features": linear.out_features,
        "bias": linear.bias is not None,
        "activation_function": f"{kind.__module__}.{kind.__name__}",
    }
    (folder / "config.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    tensors = {f"linear.{name}": one.detach() for name, one in linear.named_parameters()}
    save_file(
        {name: one.cpu().contiguous() for name, one in tensors.items()}, folder / WEIGHTS_NAME
    )


def prepared(model: Any, adaptation: Any, seed: int) -> Any:
    """A model ready for training: an adapter on frozen weights, or all weights in float32.

    Args:
        model: a Transformers model.
        adaptation: the recipe's section ``student.adapter``, if any.
        seed: of the adapter's new weights.
    """
    model.requires_grad_(True)
    if adaptation is not None:
        with seeded(seed):
            model = with_adapter(model, adaptation)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return model
