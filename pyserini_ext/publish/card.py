"""The card of a published index: what it is, what made it, and the commands that search it."""

import json
import shlex
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from llm_encoders import registry
from llm_encoders.checkpoints import hub
from llm_encoders.spec import parse_spec

_PACKAGES = ("pyserini-llm-encoders", "pyserini", "faiss-cpu", "torch", "transformers")
_KINDS = {
    "impact": "Lucene impact index",
    "faiss": "FAISS index",
    "vectors": "encoded corpus (JSONL)",
}
_LICENCE = (
    "# Choose a licence and write it here, as in 'license: apache-2.0'. Those of the corpus and of "
    "the encoder bind it."
)


@dataclass(frozen=True)
class Published:
    """What a folder holds."""

    name: str
    """Of the index or of the folder of vectors, a folder in it."""
    kind: str
    """``impact``, ``faiss`` or ``vectors``."""
    encoder: str
    contract: dict[str, Any]
    corpus: dict[str, Any]
    """Number and digest of the documents, as far as recorded."""
    corpus_name: str | None
    """In words."""
    texts: bool
    """Whether the documents' texts are in the folder ``texts``."""
    size: int
    """Bytes of everything."""
    dimension: int | None
    """Of dense vectors in JSONL, which Pyserini's index command asks for."""
    repository: str


def card(published: Published) -> str:
    """The README.md, Markdown after a YAML header."""
    one = published
    paradigm = one.contract["paradigm"]
    search = "learned-sparse-retrieval" if paradigm == "sparse" else "dense-retrieval"
    header: dict[str, Any] = {
        "tags": ["pyserini", "information-retrieval", search],
        "library_name": "pyserini",
    }
    if base := _base_model(one.encoder):
        header["base_model"] = base
    yaml_text = yaml.safe_dump(header, sort_keys=False, allow_unicode=True)
    documents = f"{one.corpus['documents']:,}" if "documents" in one.corpus else "not recorded"
    digest = one.corpus.get("content", "not recorded")
    rows = {
        "kind": _KINDS[one.kind],
        "encoder": f"`{one.encoder}` ({paradigm})",
        "corpus": _cell(one.corpus_name or "not recorded"),
        "documents": documents,
        "SHA-256 of the documents": f"`{digest}`",
        "texts of the documents": "in `texts/`" if one.texts else "not in this repository",
        "size": f"{one.size:,} bytes",
        "published with": ", ".join(_versions()),
    }
    table = "\n".join(f"| {key} | {value} |" for key, value in rows.items())
    refused = "" if one.kind == "vectors" else " A search with another one is refused."
    contract = json.dumps(one.contract, indent=1, ensure_ascii=False)
    return f"""---
{_LICENCE}
{yaml_text}---
# {one.name}: {_KINDS[one.kind]} of {one.encoder}

| | |
|---|---|
{table}

## Use

With the package `pyserini-llm-encoders`, which brings Pyserini:

```bash
{_commands(one)}
```

Queries must be encoded by the encoder that made the vectors.{refused}

## Contract

How the encoder encodes, also in `contract.json`:

```json
{contract}
```
"""


def _cell(text: str) -> str:
    """A user's words in a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def _commands(one: Published) -> str:
    folder = one.repository.rpartition("/")[2].lower()
    path = f"{folder}/{one.name}"
    lines = [f"hf download {one.repository} --repo-type dataset --local-dir {folder}"]
    encoder = shlex.quote(one.encoder)
    asks = f"--encoder {encoder} --topics topics.tsv --output run.txt --batch-size 64"
    index = path
    if one.kind == "vectors" and one.contract["paradigm"] == "sparse":
        index = f"{folder}.index"
        lines.append(f"python -m pyserini_ext.index --input {path} --index {index}")
    elif one.kind == "vectors":
        index = f"{folder}.index"
        size = f"--dim {one.dimension}"
        lines.append(f"python -m pyserini.index.faiss --input {path} --output {index} {size}")
    if one.contract["paradigm"] == "sparse":
        lines.append(f"python -m pyserini.search.lucene --impact --index {index} {asks}")
    else:
        lines.append(f"python -m pyserini.search.faiss --index {index} {asks}")
    texts = f"--texts {folder}/texts" if one.texts else "--no-texts"
    serve = f"python -m pyserini_ext.serve --index {index} --encoder {encoder} {texts}"
    return "\n".join([*lines, serve])


def _base_model(encoder: str) -> str | None:
    """The Hub id of the encoder, if it has one."""
    name = parse_spec(encoder)[0]
    preset = registry.find(name)
    if preset is not None:
        return preset.adapter or preset.model
    return name if hub.looks_like_hub_id(name) and not Path(name).exists() else None


def _versions() -> list[str]:
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return found
