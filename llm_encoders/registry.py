"""Named encoders: the presets that ship as YAML, and the written form of an encoder's name."""

import dataclasses
import functools
import json
import re
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from llm_encoders.config import CONFIG_NAME, EncoderConfig
from llm_encoders.errors import UsageError, nearest
from llm_encoders.reading import parse_yaml

SPEC_OPTIONS = ("paradigm", "like", "backbone", "device", "dtype", "quantization")
CONTRACT_KEYS = tuple(field.name for field in dataclasses.fields(EncoderConfig))
CHECKPOINT_FILES = (CONFIG_NAME, "adapter_config.json", "config.json")
_LENGTHS = ("query_max_length", "passage_max_length")
_OPTION = re.compile(r",([a-z_]+)=")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"(?=,[a-z_]+=|\Z)', re.DOTALL)
_QUOTATION_MARKS = tuple("\"'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb")
_OPTION_INSIDE = re.compile(r"(?P<comma>,?)\s*(?<![\w-])(?P<word>[^\W\d_][\w-]*)\s*=")
_ESCAPE = re.compile(r"\\[nrt]")


@dataclass(frozen=True)
class Preset:
    """One named encoder: where its weights are and how to use and cite them."""

    name: str
    description: str
    licence: str
    citation: str
    contract: EncoderConfig
    """How it encodes. With a ``layout``, only the keys that are written in the preset count; what
    it leaves open is read from the repository's files."""
    parameters: str | None = None
    """How many it has, e.g. ``0.6B``."""
    adapter: str | None = None
    """Hub id of the LoRA adapter."""
    model: str | None = None
    """Hub id of a whole model, which has no adapter."""
    backbone: str | None = None
    """Hub id of the backbone under the adapter; of a whole model, what it was trained from."""
    tokenizer: str | None = None
    """Hub id of the repository whose tokenizer is meant, where its own has none."""
    folder: str | None = None
    """Checkpoint folder inside this package, for weights that ship with it."""
    layout: str | None = None
    """Layout of the repository's files (:mod:`llm_encoders.checkpoints.layouts`), where the
    contract leaves something to them."""
    dimension: int | None = None
    """Components of a dense vector; ``None`` where no source was read."""
    context_length: int | None = None
    """Tokens that the model was made for, at most; ``None`` where no source was read."""
    unavailable: str | None = None
    """Why there is nothing to load, and what to use instead."""
    scores: list[dict[str, Any]] = field(default_factory=list)
    """Published figures, each with ``dataset``, ``metric``, ``value`` and ``source``."""
    written: frozenset[str] = frozenset()
    """The contract's keys that the preset's file has."""

    @property
    def lendable(self) -> bool:
        """Whether the contract can be given to a checkpoint that says nothing: nothing of it is
        left to files."""
        kind = ("logit_scale",) if self.contract.paradigm == "sparse" else ("pooling", "normalize")
        needed = {"attention", "query_prefix", *kind}
        if self.contract.pooling == "last":
            needed.add("append_eos")
        if self.context_length is None:
            needed |= {*_LENGTHS}
        return not self.unavailable and (self.layout is None or needed <= self.written)

    @property
    def foreign(self) -> bool:
        """Whether it is somebody's checkpoint that cannot be loaded here; others may load it."""
        return bool(self.unavailable and self.repository)

    @property
    def repository(self) -> str | None:
        """Hub id of what is loaded."""
        return self.adapter or self.model

    @property
    def local_folder(self) -> Path | None:
        """Absolute path of the shipped checkpoint."""
        return Path(__file__).parent / self.folder if self.folder else None


@functools.cache
def presets() -> dict[str, Preset]:
    """All named encoders by name."""
    found = {}
    for entry in sorted(resources.files("llm_encoders.presets").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".yaml"):
            preset = read_preset(entry.read_text(encoding="utf-8"), entry.name)
            found[preset.name] = preset
    return found


def read_preset(text: str, source: str) -> Preset:
    """Parse one preset; an unknown or missing key is an error that names the nearest valid one."""
    values = parse_yaml(text, source, shipped=True)
    known = {f.name: f for f in dataclasses.fields(Preset) if f.name != "written"}
    for key in values:
        if key not in known:
            raise UsageError(f"{source}: unknown key '{key}'.{nearest(key, known)}")
    for name, declared in known.items():
        required = (
            declared.default is dataclasses.MISSING
            and declared.default_factory is dataclasses.MISSING
        )
        if required and name not in values:
            raise UsageError(f"{source}: key '{name}' is missing.")
    written = values.pop("contract")
    lengths = {}
    if "layout" in values and "context_length" in values:  # until files say less
        lengths = dict.fromkeys(_LENGTHS, values["context_length"])
    contract = EncoderConfig.from_dict(lengths | written, f"{source}: contract")
    for score in values.get("scores", []):
        if missing := {"dataset", "metric", "value", "source"} - set(score):
            raise UsageError(f"{source}: a score lacks {', '.join(sorted(missing))}.")
    return Preset(contract=contract, written=frozenset(written), **values)


def local_checkpoint(name: str) -> Path | None:
    """The folder of this name, if there is one that holds a checkpoint."""
    try:
        holds = any((Path(name) / file).is_file() for file in CHECKPOINT_FILES)
    except OSError:  # a name that is too long for a path
        return None
    return Path(name) if name and holds else None


def find(name: str) -> Preset | None:
    """The preset of this name, or of this Hub repository, if any.

    A local folder of that name that holds a checkpoint wins: then there is no preset.
    """
    if local_checkpoint(name) is not None:
        return None
    return find_preset(name)


def find_preset(name: str) -> Preset | None:
    """The preset of this name, or of this Hub repository, whatever folders there are."""
    known = presets()
    repository = name.casefold()  # as the Hub compares them
    of_hub = (p for p in known.values() if p.repository and p.repository.casefold() == repository)
    return known.get(name) or next(of_hub, None)


def parse_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Split ``NAME[,option=value]…`` into the name and its options.

    The written form works wherever only a name can be passed, e.g. ``--encoder
    my/adapter,dtype=float32,backbone=/models/llama``. Options are those of
    :func:`llm_encoders.load_encoder` and the keys of a contract. A value may hold commas, up to
    the next ``,option=``; in double quotes, as a JSON string, it may hold anything. An existing
    path is never split, not even with options behind it.

    Returns:
        The name, and the options: those of ``load_encoder`` as they are meant, keys of a contract
        as they are written, quotes included.

    Raises:
        UsageError: the name is empty; an option is unknown (names the nearest), given twice or no
            JSON string in spite of its quotes, or its value looks like something else.
    """
    if not spec.strip():
        raise UsageError("The encoder's name is empty; name one, e.g. llm-splade-tiny.")
    if _exists(spec):
        return spec, {}
    name, options = _split(spec)
    known = (*SPEC_OPTIONS, *(key for key in CONTRACT_KEYS if key not in SPEC_OPTIONS))
    for key in options:
        if key not in known:
            raise UsageError(
                f"Encoder '{spec}': unknown option '{key}'.{nearest(key, known)} Options: "
                f"{', '.join(SPEC_OPTIONS)}, and the keys of a contract "
                f"({', '.join(known[len(SPEC_OPTIONS) :])}). A value that is to hold "
                f"',{key}=' itself goes in double quotes."
            )
    if not name.strip():
        raise UsageError(f"Encoder '{spec}': the name before the options is empty.")
    return name, options


def _split(spec: str) -> tuple[str, dict[str, str]]:
    """The name, and every option with its value."""
    match = _first_option(spec)
    name = spec[: match.start()] if match else spec
    options: dict[str, str] = {}
    while match:
        key, start = match[1], match.end()
        quoted = _QUOTED.match(spec, start)
        match = _OPTION.search(spec, quoted.end() if quoted else start)
        value = spec[start : match.start() if match else len(spec)]
        if key in options:
            raise UsageError(f"Encoder '{spec}': '{key}' is given twice.")
        if not quoted:
            _require_plain(spec, key, value)
        options[key] = _unquoted(key, value) if quoted and key in SPEC_OPTIONS else value
    return name, options


def _first_option(spec: str) -> re.Match[str] | None:
    """Where the options begin: behind the longest path that exists, else at the first."""
    found = [*_OPTION.finditer(spec)]
    behind_paths = (one for one in reversed(found) if _exists(spec[: one.start()]))
    return next(behind_paths, found[0] if found else None)


def _require_plain(spec: str, key: str, value: str) -> None:
    """Refuse what a value without quotes seldom means: it would be taken as it is.

    Raises:
        UsageError: a quotation mark at the beginning, a line end written as an escape, or another
            option in another spelling.
    """
    place = f"Encoder '{spec}': the value of '{key}'"
    if value.startswith(_QUOTATION_MARKS):
        raise UsageError(
            f"{place} starts with a quotation mark, but is no text in double quotes up to its end "
            'or the next option. Write it as JSON, as in query_prefix="query: ", or without quotes.'
        )
    if key not in CONTRACT_KEYS:
        return
    if escape := _ESCAPE.search(value):
        raise UsageError(
            f"{place} holds {escape[0]}, which stands for itself without quotes. Put the value in "
            f'double quotes for a line end or tab, as in {key}="…{escape[0]}…".'
        )
    for inside in _OPTION_INSIDE.finditer(value):
        word = inside["word"].lower().replace("-", "_")
        if inside["comma"] or word in (*SPEC_OPTIONS, *CONTRACT_KEYS):
            raise UsageError(
                f"{place} holds '{inside[0].strip()}'. For another option write ',{word}=' without "
                "blanks; a value that is to hold this itself goes in double quotes."
            )


def _unquoted(key: str, text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        raise UsageError(f"{key}: {text} is no JSON string.") from None


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # too long for a path
        return False


def unknown_name(name: str) -> UsageError:
    """The error for a name that is no preset, no folder and no Hub id."""
    return UsageError(
        f"Unknown encoder '{name}'.{nearest(name, presets())} Known names are listed by 'python -m "
        "llm_encoders.models'; a folder with a checkpoint or a Hub id (organisation/repository) "
        "works as well."
    )
