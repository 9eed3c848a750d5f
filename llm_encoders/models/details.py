"""One named encoder in detail."""

import textwrap

from llm_encoders.config import CONTRACT_KEYS, concerns
from llm_encoders.models.contract import known_contract, shown
from llm_encoders.registry import Preset

_WIDTH = 98
_INDENT = 16
_SPARSE = (
    "python -m pyserini.encode --encoder {name} --corpus CORPUS --embeddings INDEX --to-lucene",
    "python -m pyserini.search.lucene --impact --encoder {name} --index INDEX \\\n"
    "  --topics TOPICS --output RUN --hits 1000 --batch-size 64 --threads 16",
)
_DENSE = (
    "python -m pyserini.encode --encoder {name} --corpus CORPUS --embeddings INDEX --to-faiss",
    "python -m pyserini.search.faiss --encoder {name} --index INDEX \\\n"
    "  --topics TOPICS --output RUN --hits 1000 --batch-size 64 --threads 16",
)


def details(preset: Preset) -> str:
    """Repositories, contract, licence, citation, published scores and commands."""
    contract, _ = known_contract(preset)
    facts = {
        "name": preset.name,
        "": preset.description,
        "size": preset.parameters and f"{preset.parameters} parameters",
        "paradigm": contract.paradigm,
        "model": preset.model,
        "adapter": preset.adapter,
        "backbone": preset.backbone,
        "tokenizer": preset.tokenizer,
        "weights": preset.folder and "in this package",
        "dimension": preset.dimension and f"{preset.dimension:,}",
        "context length": preset.context_length and f"{preset.context_length:,} tokens",
        "licence": preset.licence,
        "citation": preset.citation,
        "not loadable": preset.unavailable,
    }
    parts = ["\n".join(_fact(key, value) for key, value in facts.items() if value)]
    if not preset.unavailable:
        parts += [_contract(preset), _scores(preset), _commands(preset)]
    return "\n\n".join(parts)


def _fact(key: str, value: str) -> str:
    return textwrap.fill(
        f"{key:<{_INDENT}}{value}",
        _WIDTH,
        subsequent_indent=" " * _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _contract(preset: Preset) -> str:
    contract, known = known_contract(preset)
    title = "Contract:"
    if preset.layout is not None:
        title = (
            "Contract (what is not listed is read from the repository's files, in the layout of "
            f"{preset.layout}):"
        )
    keys = [key for key in CONTRACT_KEYS if key in known and concerns(key, contract.paradigm)]
    width = max(map(len, keys))
    return "\n".join(
        [title, *(f"  {key:<{width}}  {shown(getattr(contract, key))}" for key in keys)]
    )


def _scores(preset: Preset) -> str:
    if not preset.scores:
        return "Published scores: none whose source was read."
    lines = [
        f"  {one['dataset']}, {one['metric']}: {one['value']} ({one['source']})"
        for one in preset.scores
    ]
    return "\n".join(["Published scores:", *lines])


def _commands(preset: Preset) -> str:
    contract, _ = known_contract(preset)
    commands = _SPARSE if contract.paradigm == "sparse" else _DENSE
    lines = ["Commands to encode and index, and to search:"]
    for command in commands:
        lines += textwrap.indent(command.format(name=preset.name), "  ").splitlines()
    if contract.instruction is not None:
        lines.append(f"Another instruction: --encoder '{preset.name},instruction=…'")
    if preset.adapter is not None:
        lines.append(f"A backbone of yours: --encoder {preset.name},backbone=FOLDER")
    return "\n".join(lines)
