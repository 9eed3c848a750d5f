"""From an encoder's name to files on disk: contract, adapters and backbone folder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llm_encoders import registry
from llm_encoders.checkpoints import hub
from llm_encoders.checkpoints.adapter_stack import (
    MODEL_CONFIG,
    Stack,
    find_stack,
    no_model,
    preset_cure,
)
from llm_encoders.checkpoints.contract import contract_of
from llm_encoders.checkpoints.contract_options import Written
from llm_encoders.checkpoints.layouts.adapters import ADAPTER_CONFIG
from llm_encoders.checkpoints.layouts.derived import Derived
from llm_encoders.checkpoints.layouts.llm2vec import adapter_below
from llm_encoders.checkpoints.teacher import TEACHER_NAME, Teacher
from llm_encoders.checkpoints.two_sides import require_towers
from llm_encoders.config import (
    CONFIG_NAME,
    LOOKUP,
    MODEL,
    ONNX,
    PARADIGMS,
    QUERY_ENCODERS,
    TEACHER,
    EncoderConfig,
)
from llm_encoders.errors import EncoderError, UsageError, nearest
from llm_encoders.sides import INSTRUCTION, SIDES
from llm_encoders.spec import SPEC_OPTIONS, parse_spec


@dataclass(frozen=True)
class Checkpoint:
    """Everything an encoder is loaded from; all folders are local."""

    name: str
    contract: EncoderConfig
    backbone: Path
    adapter: Path | None
    """The last adapter, which is the checkpoint itself."""
    below: tuple[Path, ...] = ()
    """Adapters that are merged before, in order."""
    derived: Derived | None = None
    """What the publisher's files say, where they are in a known layout."""
    preset: registry.Preset | None = None
    """The named encoder that it is, if any."""
    tokenizer: Path | None = None
    """Folder of the tokenizer, where the preset names another repository for it."""
    teacher: Teacher | None = None
    """What encodes the passages, where this encodes queries only."""
    query: "Checkpoint | None" = None
    """The query tower, where this is the passage tower of two."""

    @property
    def folder(self) -> Path:
        """The checkpoint's own folder."""
        return self.adapter or self.backbone


def resolve(
    name: str,
    paradigm: str | None = None,
    backbone: str | None = None,
    like: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """Find the files of a named encoder, a folder or a Hub repository.

    A local folder that holds a checkpoint wins over a preset of the same name.

    Args:
        name: of the encoder, without written options.
        paradigm: ``"sparse"`` or ``"dense"``; an error if the checkpoint is of the other.
        backbone: folder or Hub id of the model under an adapter.
        like: gives a checkpoint that says nothing of how it encodes the contract of a named
            encoder, by its name or Hub id; ``"lion"`` that of the published Lion checkpoints.
        changes: values of the contract's keys that replace the checkpoint's.

    Raises:
        UsageError: unknown name; missing or contradicting paradigm or contract.
        EncoderError: files that cannot be had; says what was tried.
    """
    if paradigm is not None and paradigm not in PARADIGMS:
        raise UsageError(
            f"{name}: paradigm is '{paradigm}'; choose one of {', '.join(PARADIGMS)}."
            f"{nearest(paradigm, PARADIGMS)}"
        )
    folder, preset = files_of(name)
    adapted = (folder / ADAPTER_CONFIG).is_file()
    if not adapted:
        if backbone is not None:
            raise UsageError(
                f"{name} has no {ADAPTER_CONFIG}, so it is a whole model and takes no 'backbone'."
            )
        if not (folder / MODEL_CONFIG).is_file() and not _needs_no_model(folder):
            raise no_model(folder, name)
    contract, derived = contract_of(name, folder, preset, paradigm, like, changes)
    tokenizer = _tokenizer(folder, preset or (registry.find_preset(like) if like else None))
    stack = Stack(folder)
    if adapted:
        stack = find_stack(name, folder, preset, backbone, adapter_below(folder))
    files = Checkpoint(
        name,
        contract,
        stack.backbone,
        folder if adapted else None,
        stack.below,
        derived,
        preset,
        tokenizer,
    )
    return _with_sides(files, backbone, changes or {})


def _needs_no_model(folder: Path) -> bool:
    """Whether queries are encoded by something else than a model with a ``config.json``."""
    own = (folder / CONFIG_NAME).is_file()
    return own and EncoderConfig.load(folder).query_encoder in (LOOKUP, ONNX)


def _with_sides(files: Checkpoint, backbone: str | None, changes: Mapping[str, Any]) -> Checkpoint:
    """The same, with the teacher or the query tower that its contract speaks of.

    Raises:
        EncoderError: a file that is absent or damaged; sides that do not belong together.
    """
    contract = files.contract
    if contract.passage_encoder != TEACHER and (files.folder / TEACHER_NAME).is_file():
        raise EncoderError(
            f"{files.folder / TEACHER_NAME} names a teacher that encodes the passages, but the "
            f"contract of {files.name} says passage_encoder '{contract.passage_encoder}'. Copy "
            f"{CONFIG_NAME} again; or remove {TEACHER_NAME}, if this encoder has no teacher."
        )
    if contract.passage_encoder == TEACHER:
        teacher = Teacher.load(files.folder)
        teacher.require_contract(contract, files.name)
        files = replace(files, teacher=teacher)
    if contract.query_encoder in QUERY_ENCODERS:
        return files
    folder = files.folder / contract.query_encoder
    if not (folder / CONFIG_NAME).is_file():
        raise EncoderError(
            f"{files.folder / CONFIG_NAME}: query_encoder is '{contract.query_encoder}', but there "
            f"is no {folder / CONFIG_NAME}. Copy the whole folder."
        )
    tower = EncoderConfig.load(folder)
    if tower.query_encoder != MODEL:
        raise EncoderError(
            f"{folder / CONFIG_NAME}: query_encoder is '{tower.query_encoder}', but the query "
            f"tower of {files.name} must be a model ('{MODEL}')."
        )
    placed = any(INSTRUCTION in tower.prefix_as_written(side) for side in SIDES)
    own = {
        key: value
        for key, value in changes.items()
        if not key.startswith("passage_") and (key != "instruction" or placed)
    }
    adapted = (folder / ADAPTER_CONFIG).is_file()
    query = resolve(str(folder), None, backbone if adapted else None, None, own)
    require_towers(files, query)
    return replace(files, query=query)


def resolve_spec(
    spec: str,
    paradigm: str | None = None,
    backbone: str | None = None,
    like: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> tuple[Checkpoint, dict[str, str]]:
    """As :func:`resolve` for a name with written options; arguments win over written ones.

    Returns:
        The files, and the written options.
    """
    name, written = parse_spec(spec)
    files = resolve(
        name,
        paradigm or written.get("paradigm"),
        backbone or written.get("backbone"),
        like or written.get("like"),
        written_changes(written) | dict(changes or {}),
    )
    return files, written


def written_changes(written: Mapping[str, str]) -> dict[str, Any]:
    """Keys of a contract among the options that are written behind a name."""
    return {key: Written(text) for key, text in written.items() if key not in SPEC_OPTIONS}


def files_of(name: str, weights: bool = True) -> tuple[Path, registry.Preset | None]:
    """The folder of a checkpoint, and the named encoder that it is, if any.

    Args:
        name: of the encoder, without written options.
        weights: whether they are needed; without them, a Hub repository is read in a moment.

    Raises:
        UsageError: the name is unknown.
        EncoderError: the files cannot be had.
    """
    preset = registry.find(name)
    return _folder(name, preset, weights), preset


def _folder(name: str, preset: registry.Preset | None, weights: bool) -> Path:
    if preset is not None and preset.unavailable:
        raise EncoderError(f"{name}: {preset.unavailable}")
    if preset is not None:
        return preset.local_folder or hub.fetch(
            str(preset.repository),
            f"weights of {preset.name}",
            preset_cure(preset),
            weights=weights,
        )
    try:
        if Path(name).is_dir():
            return Path(name)
        is_file = Path(name).exists()
    except OSError as error:
        raise UsageError(f"Encoder '{name[:60]}…': {error.strerror}.") from None
    if is_file:
        raise UsageError(f"{name} is a file; name the folder of the checkpoint.")
    if hub.looks_like_hub_id(name) and not name.startswith(("./", "../")):
        cure = "A local folder works in place of the Hub id."
        return hub.fetch(name, "encoder", cure, weights=weights)
    if "/" in name or "\\" in name:
        raise UsageError(f"There is no folder '{name}', and it is not a Hub id.")
    raise registry.unknown_name(name)


def _tokenizer(folder: Path, preset: registry.Preset | None) -> Path | None:
    """Where the tokenizer of a repository without one is."""
    if preset is None or preset.tokenizer is None or (folder / "tokenizer.json").is_file():
        return None
    cure = f"Put its tokenizer files into {folder}."
    return hub.fetch(preset.tokenizer, f"tokenizer of {preset.name}", cure, weights=False)
