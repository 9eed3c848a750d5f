"""The encode contract: everything needed to encode exactly as a model was trained."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_encoders.errors import UsageError, nearest
from llm_encoders.reading import read_object

CONFIG_NAME = "encoder_config.json"

PARADIGMS = ("sparse", "dense")
ATTENTIONS = ("bidirectional", "causal")
POOLINGS = ("mean-of-normalised", "mean", "last", "eos", "cls")
QUANTIZATIONS = ("4bit", "8bit")
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


class ContractError(UsageError):
    """A fault of a contract, and the key that it is about."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key


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
    """Dense only; see :mod:`llm_encoders.heads.pooling`."""
    normalize: bool = False
    """Dense only: L2-normalise the pooled vector."""
    logit_scale: float | str = HIDDEN_SIZE_POWER
    """Sparse only: factor on the logits before log1p(relu), a number or ``hidden_size^-0.25``."""
    pool_bos: bool = True
    """Whether the BOS token takes part in pooling."""
    pool_eos: bool = True
    """Whether an EOS token takes part in pooling (no matter who appended it)."""
    append_eos: bool = False
    """Append the tokenizer's EOS token to every text, within the maximum length."""
    query_prefix: str = ""
    passage_prefix: str = ""
    query_max_length: int = 64
    """Tokens of a query, special tokens included."""
    passage_max_length: int = 192
    """Tokens of a passage, special tokens included."""
    impact_scale: float = 100.0
    """Sparse only: an impact is round(weight * impact_scale)."""
    query_top_k: int | None = None
    """Sparse only: keep this many of the largest weights of a query; ``None`` keeps all."""
    passage_top_k: int | None = None
    temperature: float | None = None
    """Divisor of scores in training; it does not change a ranking. ``None`` becomes that of the
    published checkpoints: 1 for sparse, 0.01 for dense."""

    def __post_init__(self) -> None:
        _require_choice("paradigm", self.paradigm, PARADIGMS)
        _require_choice("attention", self.attention, ATTENTIONS)
        _require_choice("pooling", self.pooling, POOLINGS)
        if self.temperature is None:
            object.__setattr__(self, "temperature", _TEMPERATURES[self.paradigm])
        if isinstance(self.logit_scale, str) and self.logit_scale != HIDDEN_SIZE_POWER:
            raise ContractError(
                "logit_scale",
                f"logit_scale is '{self.logit_scale}'; give a number or '{HIDDEN_SIZE_POWER}'.",
            )
        if not isinstance(self.logit_scale, str):
            _require_range("logit_scale", self.logit_scale, _SMALLEST, _LARGEST)
        for name in ("impact_scale", "temperature"):
            _require_range(name, getattr(self, name), _SMALLEST, _LARGEST)
        for name in ("query_max_length", "passage_max_length"):
            _require_range(name, getattr(self, name), 1, _MOST_TOKENS)
        for name in ("query_top_k", "passage_top_k"):
            if getattr(self, name) is not None:
                _require_range(name, getattr(self, name), 1, _MOST_TERMS)
        if self.pooling == "eos" and not (self.append_eos and self.pool_eos):
            raise ContractError(
                "pooling", "pooling 'eos' needs append_eos and pool_eos to be true."
            )

    def scale_of_logits(self, hidden_size: int) -> float:
        """Return the factor on the logits for a backbone of this hidden size."""
        if isinstance(self.logit_scale, str):
            return float(hidden_size) ** -0.25
        return float(self.logit_scale)

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: str) -> "EncoderConfig":
        """Build a contract from a mapping; ``source`` names its origin in errors."""
        known = {field.name: field for field in dataclasses.fields(cls)}
        for key, value in values.items():
            if key not in known:
                raise ContractError(
                    str(key), f"{source}: unknown key '{key}'.{nearest(str(key), known)}"
                )
            if not _has_type(value, known[key].type):
                raise ContractError(
                    key, f"{source}: {key} is {value!r}; expected {_name(known[key].type)}."
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

    def save(self, folder: str | Path) -> None:
        """Write ``encoder_config.json`` into a checkpoint folder."""
        text = json.dumps(dataclasses.asdict(self), indent=2) + "\n"
        (Path(folder) / CONFIG_NAME).write_text(text, encoding="utf-8")


def _require_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ContractError(
            name,
            f"{name} is {value!r}; choose one of {', '.join(choices)}."
            f"{nearest(str(value), choices)}",
        )


def _require_range(name: str, value: float, smallest: float, largest: float) -> None:
    if not smallest <= value <= largest:  # false for NaN
        shown = f"{value:g}" if isinstance(value, float) else f"{value}"
        raise ContractError(
            name, f"{name} is {shown}; give a number from {smallest:g} to {largest:,.0f}."
        )


def _has_type(value: object, annotation: Any) -> bool:
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and annotation in (float, float | None, float | str)
    ):
        return True
    if isinstance(value, bool) and annotation is not bool:
        return False
    return isinstance(value, annotation)


def _name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
