"""All named encoders, one a line."""

from collections.abc import Iterable

from llm_encoders.config import EncoderConfig
from llm_encoders.models.contract import known_contract, quoted
from llm_encoders.registry import Preset

_HEAD = ("name", "size", "paradigm", "contract", "licence")
_LONGEST = 40
_POOLINGS = {"last": "last token", "eos": "EOS", "cls": "first token"}


def listing(presets: Iterable[Preset]) -> str:
    """A table: name, size, paradigm, contract in a line, licence."""
    rows = [_HEAD, *map(_row, presets)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, "", "In detail: python -m llm_encoders.models NAME"])


def _row(preset: Preset) -> tuple[str, ...]:
    contract = in_a_line(preset)
    if preset.unavailable:
        contract = "cannot be loaded here" if preset.foreign else "not published"
    size, paradigm = preset.parameters or "-", preset.contract.paradigm
    return preset.name, size, paradigm, contract, preset.licence


def in_a_line(preset: Preset) -> str:
    """The contract in a few words; what is left to files is named at the end."""
    contract, known = known_contract(preset)
    words = [contract.attention] if "attention" in known else []
    words += _sparse(contract) if contract.paradigm == "sparse" else _dense(contract, known)
    words += [
        f"{side} {quoted(_shorten(prefix))}"
        for side in ("query", "passage")
        if f"{side}_prefix" in known and (prefix := contract.prefix_as_written(side))
    ]
    if "passage_template" in known and contract.passage_template:
        words.append(f"passage {quoted(contract.passage_template)}")
    if preset.layout is not None:
        words.append("rest from its files")
    return ", ".join(words)


def _shorten(text: str) -> str:
    """The beginning of a long prefix."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _dense(contract: EncoderConfig, known: frozenset[str]) -> list[str]:
    words = []
    if "pooling" in known:
        words.append(_POOLINGS.get(contract.pooling, contract.pooling))
    if contract.projections and "projections" in known:
        words.append(f"{len(contract.projections)} layers")
    if "normalize" in known:
        words.append("L2" if contract.normalize else "not normalised")
    return words


def _sparse(contract: EncoderConfig) -> list[str]:
    words = ["max"]
    if contract.logit_scale != 1:
        words.append(f"logits x {contract.logit_scale}")
    if not contract.special_tokens:
        words.append("no special tokens")
    if contract.passage_top_k is not None:
        words.append(f"top {contract.passage_top_k}")
    return words
