"""A small transformer: any model with its own tokenizer, or one from scratch."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from llm_encoders.checkpoints import hub
from llm_encoders.checkpoints.adapter_stack import MODEL_CONFIG
from llm_encoders.checkpoints.backbone import load_backbone
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.checkpoints.tokenizer import embedding_rows, load_tokenizer
from llm_encoders.config import EncoderConfig
from llm_encoders.distill_query.students.network import (
    PROJECTION,
    VOCABULARY_HEAD,
    Network,
    new_projection,
    prepared,
)
from llm_encoders.distill_query.students.student import StudentKind, contract_of, seeded
from llm_encoders.distill_query.teacher_side import TeacherSide
from llm_encoders.encoding.terms import vocabulary_terms
from llm_encoders.encoding.tokens import require_room
from llm_encoders.errors import EncoderError
from llm_encoders.heads.term_head import TermHead
from llm_encoders.reading import read_object
from llm_encoders.train.recipe.errors import about

if TYPE_CHECKING:
    from llm_encoders.distill_query.recipe.recipe import DistillRecipe

_POSITIONS = 512  # of a model from scratch, as BERT's (arXiv 1810.04805)
_HEAD_SCALE = 0.02  # standard deviation of new weights, as BERT's


class _Transformer(StudentKind):
    name = "transformer"
    citation = "a small query tower as in ScalingNote (arXiv 2411.15766)"

    def build(
        self,
        recipe: "DistillRecipe",
        teacher: TeacherSide,
        device: torch.device,
        dtype: torch.dtype,
        work: Path,
    ) -> Network:
        """See :class:`StudentKind`."""
        if recipe.student.size is not None:
            return _from_scratch(recipe, teacher, device)
        return _from_folder(recipe, teacher, device, dtype)

    def check(self, recipe: "DistillRecipe", teacher: TeacherSide) -> None:
        """See :class:`StudentKind`."""
        if recipe.student.backbone is not None:
            _folder_of(recipe.student.backbone)

    def describe(self, recipe: "DistillRecipe") -> str:
        """See :class:`StudentKind`."""
        student = recipe.student
        if student.backbone is not None:
            how = "an adapter, which is merged" if student.adapter else "all weights"
            return f"`{Path(student.backbone).name}`, of which {how} was trained"
        assert student.size is not None
        size = student.size
        return (
            f"a transformer from scratch: {size.layers} layers, {size.hidden} wide, {size.heads} "
            f"heads, {size.intermediate} in the feed-forward layers"
        )


def _from_folder(
    recipe: "DistillRecipe", teacher: TeacherSide, device: torch.device, dtype: torch.dtype
) -> Network:
    student, paradigm = recipe.student, teacher.paradigm
    assert student.backbone is not None
    folder = _folder_of(student.backbone)
    settled = _settled(teacher, folder)
    base, terms = _base(teacher), teacher.terms if paradigm == "sparse" else None
    teacher.release()
    files = Checkpoint(student.backbone, contract_of(recipe, base, **settled), folder, None)
    with about("student.backbone"):
        loaded = load_backbone(files, device, torch.float32 if student.adapter is None else dtype)
    contract = contract_of(recipe, base, loaded.positions, **settled)
    require_room(loaded.tokenizer, contract, loaded.positions, "encoder")
    model = prepared(loaded.model, student.adapter, recipe.schedule.seed)
    width = loaded.hidden_size
    return _network(
        recipe, teacher, model, width, loaded.tokenizer, contract, folder, device, terms
    )


def _folder_of(backbone: str) -> Path:
    """Where the model is.

    Raises:
        RecipeError: there is none.
    """
    with about("student.backbone"):
        folder = hub.local_folder(backbone, "student.backbone")
        if not (folder / MODEL_CONFIG).is_file():
            raise EncoderError(f"student.backbone: {backbone} holds no {MODEL_CONFIG}.")
    return folder


def _settled(teacher: TeacherSide, folder: Path) -> dict[str, Any]:
    """What leads into the teacher's space: a projection, the model's LM head, or a new head."""
    if teacher.paradigm == "dense":
        return {"projections": (PROJECTION,)}
    return {} if _has_same_terms(folder, teacher.terms) else {"vocabulary_head": VOCABULARY_HEAD}


def _has_same_terms(folder: Path, terms: list[str]) -> bool:
    """Whether a language model's own head gives weights of the teacher's terms, in order."""
    values = read_object(folder / MODEL_CONFIG)
    classes, size = values.get("architectures") or [], values.get("vocab_size")
    if not any(str(name).endswith("ForCausalLM") for name in classes) or size != len(terms):
        return False
    files = Checkpoint(str(folder), EncoderConfig("sparse"), folder, None)
    return vocabulary_terms(load_tokenizer(files), size) == terms


def _from_scratch(recipe: "DistillRecipe", teacher: TeacherSide, device: torch.device) -> Network:
    files = teacher.require_model("student.size, which takes the teacher's tokenizer,")
    tokenizer = load_tokenizer(files)
    sparse, size = teacher.paradigm == "sparse", recipe.student.size
    headed = sparse and vocabulary_terms(tokenizer, teacher.width) == teacher.terms
    rows = max(embedding_rows(teacher.query_tower.backbone.decoder), len(tokenizer))
    settled = {"vocabulary_head": VOCABULARY_HEAD} if sparse else {"projections": (PROJECTION,)}
    terms = teacher.terms if sparse and not headed else None
    contract = contract_of(recipe, _base(teacher), _POSITIONS, **({} if headed else settled))
    teacher.release()
    require_room(tokenizer, contract, _POSITIONS, "encoder")
    with seeded(recipe.schedule.seed):
        model = _new_model(size, teacher.width if headed else rows, headed, tokenizer)
    model = prepared(model.to(device), None, recipe.schedule.seed)
    width, source = model.config.hidden_size, recipe.output
    return _network(recipe, teacher, model, width, tokenizer, contract, source, device, terms)


def _new_model(size: Any, rows: int, headed: bool, tokenizer: Any) -> Any:
    """A model with random weights; dropout would only blur what it regresses to.

    Args:
        size: section ``student.size`` of the recipe.
        rows: tokens with an embedding.
        headed: whether an LM head, tied to the embeddings, gives the weights of terms.
        tokenizer: knows the special tokens.
    """
    from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM

    shape: dict[str, Any] = {
        "vocab_size": rows,
        "hidden_size": size.hidden,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "intermediate_size": size.intermediate,
        "max_position_embeddings": _POSITIONS,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if not headed:
        dropout: dict[str, Any] = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        return BertModel(BertConfig(**shape, **dropout), add_pooling_layer=False)
    config = LlamaConfig(**shape, num_key_value_heads=size.heads, tie_word_embeddings=True)
    config.is_causal = False
    return LlamaForCausalLM(config)


def _base(teacher: TeacherSide) -> EncoderConfig:
    """The contract of a small model that has learnt nothing of the teacher's prompts.

    Of the teacher's it keeps what makes a query text (case, blanks), the length, and what is done
    with a vector: normalisation, terms that are kept, the scale of impacts.
    """
    theirs = teacher.contract
    sparse = theirs.paradigm == "sparse"
    return EncoderConfig(
        theirs.paradigm,
        attention="bidirectional",
        pooling="mean-of-normalised" if sparse else "mean",
        normalize=theirs.normalize,
        logit_scale=1.0 if sparse else theirs.logit_scale,
        strip=theirs.strip,
        lowercase=theirs.lowercase,
        query_max_length=theirs.query_max_length,
        impact_scale=theirs.impact_scale,
        query_top_k=theirs.query_top_k,
        temperature=theirs.temperature,
    )


def _network(
    recipe: "DistillRecipe",
    teacher: TeacherSide,
    model: Any,
    width: int,
    tokenizer: Any,
    contract: EncoderConfig,
    source: Any,
    device: torch.device,
    terms: list[str] | None,
) -> Network:
    """The model with the new layers that lead into the teacher's space."""
    with seeded(recipe.schedule.seed + 1):
        if contract.paradigm == "dense":
            width *= len(contract.pooling.split("+"))
            layers = [new_projection(width, teacher.width).to(device)]
            return Network(model, tokenizer, contract, source, layers)
        if contract.vocabulary_head is None or terms is None:
            return Network(model, tokenizer, contract, source)
        weight = torch.randn(len(terms), width, device="cpu") * _HEAD_SCALE
        head = TermHead(weight.to(device), torch.zeros(len(terms), device=device), terms)
        return Network(model, tokenizer, contract, source, (), head)


TRANSFORMER = _Transformer()
