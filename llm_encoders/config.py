"""The encode contract: everything needed to encode exactly as a model was trained."""

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_encoders.contract_values import (
    ContractError,
    has_type,
    require_choice,
    require_inside,
    require_range,
    type_name,
)
from llm_encoders.errors import nearest
from llm_encoders.reading import read_object
from llm_encoders.sides import INSTRUCTION, SIDES, TEMPLATE, Side
from llm_encoders.unicode import well_formed

CONFIG_NAME = "encoder_config.json"

PARADIGMS = ("sparse", "dense")
ATTENTIONS = ("bidirectional", "causal")
POOLINGS = ("mean-of-normalised", "mean", "weighted-mean", "max", "last", "eos", "cls")
STRIPS = ("none", "end", "both")
QUANTIZATIONS = ("4bit", "8bit")
MODEL, LOOKUP, ONNX, TEACHER = "model", "lookup", "onnx", "teacher"
QUERY_ENCODERS = (MODEL, LOOKUP, ONNX)
PASSAGE_ENCODERS = (MODEL, TEACHER)
HIDDEN_SIZE_POWER = "hidden_size^-0.25"

_TEMPERATURES = {"sparse": 1.0, "dense": 0.01}
# log1p of a float32 is below 89, so an impact of the largest scale is still an int32.
_SMALLEST, _LARGEST = 1e-9, 1e7
_MOST_TOKENS = 1 << 20
_MOST_TERMS = (1 << 31) - 1
_TO_FILL_IN = (
    "normalize",
    "logit_scale",
    "pool_bos",
    "append_eos",
    "query_prefix",
    "passage_prefix",
    "query_max_length",
    "passage_max_length",
)
_OPTIONAL_COUNTS = {
    "query_top_k": _MOST_TERMS,
    "passage_top_k": _MOST_TERMS,
    "query_text_max_length": _MOST_TOKENS,
    "passage_text_max_length": _MOST_TOKENS,
    "dimension": _MOST_TOKENS,
}


_WORDS = (
    *("instruction", "passage_template"),
    *(f"{side}_{kind}" for side in SIDES for kind in ("prefix", "suffix")),
)


@dataclass(frozen=True)
class EncoderConfig:
    """How texts become vectors. Saved as ``encoder_config.json`` beside weights or adapter.

    The defaults are the contract of the published Lion checkpoints (arXiv 2502.15526):
    bidirectional attention, BOS kept in the pool, no prefixes, at most 64 tokens a query and 192
    a passage; sparse logits times hidden_size^-0.25; dense vectors the mean of L2-normalised
    token states without a final normalisation.
    """

    paradigm: str
    attention: str = "bidirectional"
    pooling: str = "mean-of-normalised"
    """Dense only; see :mod:`llm_encoders.heads.pooling`. Several, joined by ``+``, are
    concatenated."""
    projections: tuple[str, ...] = ()
    """Dense only: folders of the checkpoint with linear layers that follow the pooling, in order;
    see :mod:`llm_encoders.heads.projection`."""
    dimension: int | None = None
    """Dense only: keep this many leading components, before normalisation (Matryoshka
    representation learning, arXiv 2205.13147); ``None`` keeps all."""
    normalize: bool = False
    """Dense only: L2-normalise the vector."""
    logit_scale: float | str = HIDDEN_SIZE_POWER
    """Sparse only: factor on the logits before log1p(relu), a number or ``hidden_size^-0.25``."""
    pool_bos: bool = True
    """Whether the BOS token takes part in pooling."""
    pool_eos: bool = True
    """Whether an EOS token takes part in pooling (no matter who appended it)."""
    append_eos: bool = False
    """End every text with the tokenizer's EOS token, within the maximum length; never twice."""
    special_tokens: bool = True
    """Whether the tokenizer adds its special tokens."""
    strip: str = "none"
    """Which blanks of a text are removed: those at its ``"end"``, at ``"both"`` ends, or none."""
    lowercase: bool = False
    """Lower-case every text; prefixes, suffixes and templates stay as they are."""
    instruction: str | None = None
    """Takes the place of ``{instruction}`` in the prefixes."""
    query_prefix: str = ""
    passage_prefix: str = ""
    query_suffix: str = ""
    """Put after a query once it is cut to the maximum length, which holds for the whole."""
    passage_suffix: str = ""
    query_pool_prefix: bool = True
    """Whether the tokens of the prefix, and those before it, take part in pooling."""
    passage_pool_prefix: bool = True
    passage_template: str | None = None
    """Title and text of a passage, as in ``"title: {title|none} | text: {text}"``, where ``none``
    stands for an absent title; ``None`` puts the title before the text with a space."""
    query_max_length: int = 64
    """Tokens of a query, special tokens, prefix and suffix included."""
    passage_max_length: int = 192
    """Tokens of a passage, special tokens, prefix and suffix included."""
    query_text_max_length: int | None = None
    """Tokens of a query alone, beyond which whole words are left out at its end (LLM2Vec)."""
    passage_text_max_length: int | None = None
    impact_scale: float = 100.0
    """Sparse only: an impact is round(weight * impact_scale)."""
    query_top_k: int | None = None
    """Sparse only: keep this many of the largest weights of a query; ``None`` keeps all."""
    passage_top_k: int | None = None
    temperature: float | None = None
    """Divisor of scores in training; it does not change a ranking. ``None`` becomes that of the
    published checkpoints: 1 for sparse, 0.01 for dense."""
    query_encoder: str = MODEL
    """What encodes queries: this folder's ``model``, its ``lookup`` table, its ``onnx`` graph, or
    the encoder in the folder of this name inside it (untied dual towers)."""
    passage_encoder: str = MODEL
    """What encodes passages: this folder's ``model``, or the ``teacher`` that ``teacher.json``
    names: then the folder holds a query tower only (ScalingNote, arXiv 2411.15766)."""
    vocabulary_head: str | None = None
    """Sparse only: folder of the checkpoint with a head over another vocabulary than its
    tokenizer's; ``None`` for the LM head."""
    lookup_counts: bool = False
    """Sparse lookup tables only: multiply a term's weight by how often the query has it."""

    def __post_init__(self) -> None:
        require_choice("paradigm", self.paradigm, PARADIGMS)
        require_choice("attention", self.attention, ATTENTIONS)
        for pooling in self.pooling.split("+"):
            require_choice("pooling", pooling, POOLINGS)
        require_choice("strip", self.strip, STRIPS)
        if self.temperature is None:
            object.__setattr__(self, "temperature", _TEMPERATURES[self.paradigm])
        if isinstance(self.logit_scale, str) and self.logit_scale != HIDDEN_SIZE_POWER:
            raise ContractError(
                "logit_scale",
                f"logit_scale is '{self.logit_scale}'; give a number or '{HIDDEN_SIZE_POWER}'.",
            )
        if not isinstance(self.logit_scale, str):
            require_range("logit_scale", self.logit_scale, _SMALLEST, _LARGEST)
        for name in ("impact_scale", "temperature"):
            require_range(name, getattr(self, name), _SMALLEST, _LARGEST)
        for name in ("query_max_length", "passage_max_length"):
            require_range(name, getattr(self, name), 1, _MOST_TOKENS)
        for name, most in _OPTIONAL_COUNTS.items():
            if getattr(self, name) is not None:
                require_range(name, getattr(self, name), 1, most)
        self._check_sides()
        self._check_texts()
        if "eos" in self.pooling.split("+") and not (self.append_eos and self.pool_eos):
            raise ContractError(
                "pooling", "pooling 'eos' needs append_eos and pool_eos to be true."
            )

    def _check_sides(self) -> None:
        require_choice("passage_encoder", self.passage_encoder, PASSAGE_ENCODERS)
        if self.query_encoder not in QUERY_ENCODERS:
            require_inside("query_encoder", self.query_encoder)
        if self.vocabulary_head is not None:
            require_inside("vocabulary_head", self.vocabulary_head)
        if self.query_encoder in (LOOKUP, ONNX) and self.passage_encoder != TEACHER:
            raise ContractError(
                "passage_encoder",
                f"query_encoder is '{self.query_encoder}', which encodes no passages, so "
                f"passage_encoder must be '{TEACHER}'.",
            )
        if self.lookup_counts and self.query_encoder != LOOKUP:
            raise ContractError(
                "lookup_counts",
                f"lookup_counts is for lookup tables; query_encoder is '{self.query_encoder}'.",
            )

    def _check_texts(self) -> None:
        slots = [f"{side}_prefix" for side in SIDES if INSTRUCTION in self.prefix_as_written(side)]
        if slots and self.instruction is None:
            raise ContractError(
                "instruction", f"{slots[0]} has a place for an instruction, but none is given."
            )
        if self.instruction is not None and not slots:
            raise ContractError(
                "instruction",
                f"an instruction is given, but neither prefix has a place for it: {INSTRUCTION}.",
            )
        for name in _WORDS:
            text = getattr(self, name) or ""
            if well_formed(text) != text:
                raise ContractError(name, f"{name} holds half a character, a lone surrogate.")
            if name.endswith("_suffix") and INSTRUCTION in text:
                raise ContractError(
                    name, f"{name} has {INSTRUCTION}, which has its place in the prefixes only."
                )
        template = self.passage_template
        if template is not None and TEMPLATE.fullmatch(template) is None:
            raise ContractError(
                "passage_template",
                f"passage_template is {template!r}; it must hold {{title}}, or {{title|WORD}} with "
                "what stands for an absent title, and end with {text}.",
            )

    def prefix_as_written(self, side: str) -> str:
        """The prefix of a side with its place for the instruction."""
        return str(getattr(self, f"{side}_prefix"))

    def with_prefix(self, side: str, prefix: str) -> "EncoderConfig":
        """The contract with another prefix, as it is, in place of all that stands before a text.

        For passages that is the template, too. An instruction that has no place any more is
        dropped.
        """
        changes: dict[str, Any] = {f"{side}_prefix": prefix}
        if side == "passage":
            changes["passage_template"] = None
        others = [self.prefix_as_written(name) for name in SIDES if name != side]
        if not any(INSTRUCTION in one for one in (prefix, *others)):
            changes["instruction"] = None
        return dataclasses.replace(self, **changes)

    def side(self, name: str) -> Side:
        """What concerns the ``"query"`` or the ``"passage"`` side alone."""
        return Side(
            prefix=self.prefix_as_written(name).replace(INSTRUCTION, self.instruction or ""),
            suffix=getattr(self, f"{name}_suffix"),
            pool_prefix=getattr(self, f"{name}_pool_prefix"),
            template=self.passage_template if name == "passage" else None,
            max_length=getattr(self, f"{name}_max_length"),
            text_max_length=getattr(self, f"{name}_text_max_length"),
            top_k=getattr(self, f"{name}_top_k"),
        )

    def scale_of_logits(self, hidden_size: int) -> float:
        """Return the factor on the logits for a backbone of this hidden size."""
        if isinstance(self.logit_scale, str):
            return math.pow(hidden_size, -0.25)
        return float(self.logit_scale)

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: str) -> "EncoderConfig":
        """Build a contract from a mapping; ``source`` names its origin in errors."""
        known = {field.name: field for field in dataclasses.fields(cls)}
        values = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        for key, value in values.items():
            if key not in known:
                raise ContractError(
                    str(key), f"{source}: unknown key '{key}'.{nearest(str(key), known)}"
                )
            if not has_type(value, known[key].type):
                raise ContractError(
                    key, f"{source}: {key} is {value!r}; expected {type_name(known[key].type)}."
                )
        if "paradigm" not in values:
            raise ContractError(
                "paradigm", f'{source}: \'paradigm\' is missing; write "sparse" or "dense".'
            )
        try:
            return cls(**values)
        except ContractError as error:
            raise ContractError(error.key, f"{source}: {error}") from None

    @classmethod
    def load(cls, folder: str | Path) -> "EncoderConfig":
        """Read ``encoder_config.json`` of a checkpoint folder."""
        path = Path(folder) / CONFIG_NAME
        return cls.from_dict(read_object(path), str(path))

    @staticmethod
    def template() -> str:
        """An ``encoder_config.json`` to fill in: what is left as it is will be refused."""
        return json.dumps(
            {
                "paradigm": " | ".join(PARADIGMS),
                "attention": " | ".join(ATTENTIONS),
                "pooling": " | ".join(POOLINGS),
                **dict.fromkeys(_TO_FILL_IN),
            }
        )

    def text(self) -> str:
        """What ``encoder_config.json`` holds."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    def save(self, folder: str | Path) -> None:
        """Write ``encoder_config.json`` into a checkpoint folder."""
        (Path(folder) / CONFIG_NAME).write_text(self.text(), encoding="utf-8")


FILE_KEYS = ("query_encoder", "passage_encoder", "vocabulary_head", "lookup_counts")
"""Keys that say which files of a checkpoint encode; whoever writes the files writes them."""
CONTRACT_KEYS = tuple(field.name for field in dataclasses.fields(EncoderConfig))
_OF_ONE_PARADIGM = {
    "sparse": (
        *("logit_scale", "impact_scale", "query_top_k", "passage_top_k"),
        *("vocabulary_head", "lookup_counts"),
    ),
    "dense": ("pooling", "projections", "dimension", "normalize"),
}


def concerns(key: str, paradigm: str) -> bool:
    """Whether a key of a contract means anything to encoders of this paradigm."""
    return not any(key in keys for of, keys in _OF_ONE_PARADIGM.items() if of != paradigm)
