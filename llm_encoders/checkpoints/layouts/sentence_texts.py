"""What sentence-transformers does with a text before the model, and with a vector behind it."""

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from llm_encoders.checkpoints.layouts.derived import SourcedValues
from llm_encoders.checkpoints.layouts.sentence_files import PROMPTS, Prompts, read_prompts
from llm_encoders.checkpoints.layouts.sentence_settings import (
    SETTINGS,
    most_tokens,
    read_settings,
)
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.reading import read_object
from llm_encoders.sides import INSTRUCTION

_TOKENIZER = "tokenizer_config.json"
_INSTRUCTED = re.compile(r"(?P<before>Instruct: )(?P<task>[^\n{}]+)(?P<after>\s*\n\s*Query: ?)")
_TITLED = {"title: none | text: ": "title: {title|none} | text: {text}"}
_NO_LIMIT = 1 << 20  # a tokenizer that knows none says 10^30


def add_texts(
    folder: Path, model: dict[str, Any], found: SourcedValues, settled: Collection[str]
) -> None:
    """Add what concerns texts: prompts, normalisation or top-k, lengths and special tokens.

    Args:
        folder: of the checkpoint.
        model: its ``config.json``.
        found: has the paradigm, the pooling and ``normalize`` already.
        settled: keys that are known from elsewhere, so that the files need not settle them.

    Raises:
        UsageError: something that no contract expresses.
        EncoderError: a file that is damaged, or does not settle something.
    """
    prompts, settings = read_prompts(folder / PROMPTS, settled), read_settings(folder)
    if settings.get("do_lower_case"):  # the whole is lower-cased, prompt and text
        found.add(SETTINGS, lowercase=True)
        prompts = replace(prompts, query=prompts.query.lower(), passage=prompts.passage.lower())
    _prompts(folder, prompts, found)
    if found.values["paradigm"] == "dense":
        _vectors(folder, prompts, found)
    else:
        _weights(folder, prompts, found)
    path = folder / _TOKENIZER
    tokenizer = read_object(path) if path.is_file() else {}
    _lengths(folder, settings, tokenizer, model.get("max_position_embeddings"), found, settled)
    if tokenizer.get("add_eos_token"):
        found.add(_TOKENIZER, append_eos=True)


def _prompts(folder: Path, prompts: Prompts, found: SourcedValues) -> None:
    """Prefixes, with the instruction and the place of the title where they are recognised."""
    if match := _INSTRUCTED.fullmatch(prompts.query):
        prefix = f"{match['before']}{INSTRUCTION}{match['after']}"
        found.add(PROMPTS, query_prefix=prefix, instruction=match["task"])
    else:
        found.add(PROMPTS, query_prefix=prompts.query)
    for side, prompt in (("query", prompts.query), ("passage", prompts.passage)):
        if found.values.get(f"{side}_pool_prefix") is False and prompt[-1:].isspace():
            raise UsageError(
                f"{folder / PROMPTS}: the prompt {prompt!r} ends with a blank and is not pooled "
                "(include_prompt). sentence-transformers then leaves the first word of the text "
                "out as well, which no contract expresses."
            )
    if prompts.passage in _TITLED:
        found.add(PROMPTS, passage_template=_TITLED[prompts.passage])
    else:
        found.add(PROMPTS, passage_prefix=prompts.passage)


def _lengths(
    folder: Path,
    settings: dict[str, Any],
    tokenizer: dict[str, Any],
    positions: Any,
    found: SourcedValues,
    settled: Collection[str],
) -> None:
    """Maximum lengths in tokens: the package's setting, else what tokenizer and model can take.

    Args:
        folder: of the checkpoint.
        settings: ``sentence_bert_config.json``.
        tokenizer: ``tokenizer_config.json``.
        positions: how many tokens the model reads, as its configuration says.
        found: takes the lengths.
        settled: keys that are known from elsewhere.
    """
    length, source = most_tokens(settings), SETTINGS
    if length is not None and isinstance(positions, int) and 0 < positions < length:
        require_settled(
            folder / SETTINGS,
            f"texts may have {length:,} tokens, but the model reads {positions:,} "
            "(max_position_embeddings of config.json)",
            {"query_max_length": positions, "passage_max_length": positions},
            settled,
        )
    if length is None:
        known = {_TOKENIZER: tokenizer.get("model_max_length"), "config.json": positions}
        limits = {k: int(v) for k, v in known.items() if isinstance(v, int | float) and v >= 1}
        limits = {k: v for k, v in limits.items() if v < _NO_LIMIT}
        if not limits:
            raise EncoderError(
                f"{folder}: no file says how many tokens a text may have. Add max_seq_length to "
                f"{SETTINGS}."
            )
        source = min(limits, key=lambda file: limits[file])
        length = limits[source]
    found.add(source, query_max_length=length, passage_max_length=length)
    for side, key in (("query", "query_length"), ("passage", "document_length")):
        if settings.get(key) is not None:
            found.add(SETTINGS, **{f"{side}_max_length": settings[key]})


def _vectors(folder: Path, prompts: Prompts, found: SourcedValues) -> None:
    """Normalisation and dimension, as the similarity takes them."""
    if prompts.dimension is not None:
        # Vectors are cut after Normalize; under the cosine, cutting first ranks in the same way.
        if found.values["normalize"] and prompts.similarity == "dot":
            raise UsageError(
                f"{folder / PROMPTS}: truncate_dim cuts normalised vectors that are compared by "
                "their dot product, which no contract expresses."
            )
        found.add(PROMPTS, dimension=prompts.dimension)
    if prompts.similarity == "cosine":
        found.add(PROMPTS, normalize=True)


def _weights(folder: Path, prompts: Prompts, found: SourcedValues) -> None:
    """How many weights are kept, and how sparse vectors are compared."""
    if prompts.similarity == "cosine":
        raise UsageError(
            f"{folder / PROMPTS}: the similarity of sparse vectors is cosine; only their dot "
            "product is what an impact index computes."
        )
    if prompts.top_k is not None:
        found.add(PROMPTS, query_top_k=prompts.top_k, passage_top_k=prompts.top_k)


def require_settled(
    file: Path, problem: str, values: dict[str, Any], settled: Collection[str]
) -> None:
    """Refuse what a file leaves open, unless it is known from elsewhere.

    Args:
        file: that leaves it open.
        problem: what is open, in words.
        values: likely values of the keys that would settle it.
        settled: keys that are known from elsewhere.

    Raises:
        EncoderError: shows how to choose.
    """
    if not settled or not set(values) <= set(settled):
        options = "".join(f",{key}={value}" for key, value in values.items())
        raise EncoderError(f"{file}: {problem}. Choose behind the encoder's name, as in {options}.")
