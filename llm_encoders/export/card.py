"""The model card of an export: how to use it, how it encodes, licence and citation."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from llm_encoders.checkpoints import hub
from llm_encoders.checkpoints.adapter_stack import base_model
from llm_encoders.checkpoints.layouts.adapters import ADAPTER_CONFIG
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.config import CONFIG_NAME, EncoderConfig
from llm_encoders.errors import EncoderError
from llm_encoders.reading import parse_yaml, read_text
from llm_encoders.registry import Preset

CARD = "README.md"
_HEADER = re.compile(r"---\n(.*?)\n---\n", re.DOTALL)
_SECTION = r"^#+ *{word}[^\n]*\n+(.*?)(?=^#|\Z)"
_KEPT = ("license", "license_name", "license_link", "language", "base_model")
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.-]*")


@dataclass(frozen=True)
class Origin:
    """What is known of the checkpoint that was exported."""

    header: dict[str, Any]
    """Keys of the YAML header that go on to the export's card."""
    licence: str | None
    """In words."""
    citation: str | None


def origin_of(checkpoint: Checkpoint, preset: Preset | None) -> Origin:
    """Licence, citation and base model, by the preset or the checkpoint's own card."""
    path = checkpoint.folder / CARD
    text = read_text(path) if path.is_file() else ""
    values = _header(text, path)
    header = {key: values[key] for key in _KEPT if _is_words(values.get(key))}
    header["base_model"] = _bases(checkpoint, preset) or [
        name for name in _listed(header.get("base_model")) if hub.looks_like_hub_id(name)
    ]
    if not header["base_model"]:
        del header["base_model"]
    licence = preset.licence if preset else header.get("license_name") or header.get("license")
    if "license" not in header:
        known = str(licence).lower() if licence else ""
        header["license"] = known if _IDENTIFIER.fullmatch(known) else "other"
        if licence and header["license"] == "other":
            header["license_name"] = licence
    citation = _section(text, "(?:citation|cite|citing)") or (preset.citation if preset else None)
    return Origin(header, licence and str(licence), citation)


def _header(text: str, path: Path) -> dict[str, Any]:
    match = _HEADER.match(text)
    if match is None:
        return {}
    try:
        values = parse_yaml(match[1], str(path))
    except EncoderError:  # a card that nobody needs for encoding
        return {}
    return values if isinstance(values, dict) else {}


def _is_words(value: object) -> bool:
    words = value if isinstance(value, list) else [value]
    return bool(words) and all(isinstance(word, str) and word for word in words)


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []


def _bases(checkpoint: Checkpoint, preset: Preset | None) -> list[str]:
    """Hub ids of the checkpoint and of the backbone under its adapter."""
    if preset is not None:
        return [name for name in (preset.repository, preset.backbone) if name]
    found = [] if Path(checkpoint.name).is_dir() else [checkpoint.name]
    if checkpoint.adapter is not None and (checkpoint.adapter / ADAPTER_CONFIG).is_file():
        found.append(base_model(checkpoint.adapter)[0])
    return [name for name in found if hub.looks_like_hub_id(name) and name[0] != "."]


def _section(text: str, word: str) -> str | None:
    pattern = _SECTION.format(word=word)
    match = re.search(pattern, text, re.DOTALL | re.MULTILINE | re.IGNORECASE)
    return match[1].strip() if match and match[1].strip() else None


def write_card(
    title: str,
    contract: EncoderConfig,
    origin: Origin,
    remarks: list[str],
    cards: list[str],
    folder: Path,
) -> None:
    """Write ``README.md``; values of its YAML header are quoted where they need it.

    Args:
        title: name of the export.
        contract: how it encodes.
        origin: licence, citation and base model.
        remarks: sentences on how it encodes.
        cards: names of files in the folder: cards of what it was exported from.
        folder: takes the file.
    """
    unknown = "Not stated by the checkpoint that this was exported from."
    sparse = contract.paradigm == "sparse"
    header = {
        "library_name": "sentence-transformers",
        "pipeline_tag": "feature-extraction" if sparse else "sentence-similarity",
        **origin.header,
        "tags": [
            "sentence-transformers",
            *(["sparse-encoder", "splade"] if sparse else ["feature-extraction"]),
            "information-retrieval",
            "pyserini",
        ],
    }
    title = " ".join(title.split())
    text = "\n".join(
        [
            "---",
            *yaml.safe_dump(header, sort_keys=False, allow_unicode=True).splitlines(),
            "---",
            "",
            f"# {title}",
            "",
            f"A {contract.paradigm} retrieval encoder on a decoder-only language model, for "
            "sentence-transformers 6 and Pyserini.",
            "",
            *_usage(title, sparse),
            "",
            "## How it encodes",
            "",
            f"`{CONFIG_NAME}` has the whole contract. Attention is {contract.attention}.",
            "",
            *(f"- {remark}" for remark in remarks),
            "",
            "## Licence",
            "",
            origin.licence or unknown,
            "",
            "## Citation",
            "",
            origin.citation or unknown,
            "",
            *_origin_lines(cards),
        ]
    )
    (folder / CARD).write_text(text, encoding="utf-8")


def _origin_lines(cards: list[str]) -> list[str]:
    if not cards:
        return []
    names = " and ".join(f"`{name}`" for name in cards)
    return ["## Origin", "", f"What this was exported from is described in {names}.", ""]


def _usage(title: str, sparse: bool) -> list[str]:
    kind = "SparseEncoder" if sparse else "SentenceTransformer"
    return [
        "```python",
        f"from sentence_transformers import {kind}",
        "",
        f"model = {kind}({title!r})  # the path of this folder",
        'queries = model.encode_query(["how do statins work"])',
        'documents = model.encode_document(["Statins inhibit …"])',
        "scores = model.similarity(queries, documents)",
        "```",
        "",
        "With [Pyserini](https://github.com/castorini/pyserini) and `pyserini-llm-encoders`:",
        "",
        "```bash",
        f"python -m pyserini.encode --encoder {title} --corpus CORPUS --embeddings VECTORS",
        "```",
    ]
