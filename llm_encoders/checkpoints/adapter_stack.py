"""What stands under an adapter: its backbone, and adapters that are merged before it."""

import filecmp
from dataclasses import dataclass
from pathlib import Path

from llm_encoders import registry
from llm_encoders.checkpoints import hub
from llm_encoders.checkpoints.layouts.adapters import ADAPTER_CONFIG, WEIGHTS_NAMES
from llm_encoders.errors import EncoderError
from llm_encoders.reading import read_object

MODEL_CONFIG = "config.json"
BASE = "base_model_name_or_path"
_MOST = 8


@dataclass(frozen=True)
class Stack:
    """A backbone, and the adapters that are merged before the checkpoint's own, in order."""

    backbone: Path
    below: tuple[Path, ...] = ()


def find_stack(
    name: str,
    folder: Path,
    preset: registry.Preset | None,
    given: str | None,
    merged_first: str | None,
) -> Stack:
    """Find the backbone of an adapter, and what is merged before it.

    Args:
        name: of the encoder, for errors.
        folder: of the adapter.
        preset: the named encoder that it is, if any.
        given: folder or Hub id of the backbone, by the user.
        merged_first: folder or Hub id of an adapter that the layout names.

    Raises:
        UsageError: ``given`` is neither a folder nor a Hub id.
        EncoderError: something is nowhere; says what to do.
    """
    below: list[Path] = []
    if merged_first is not None:
        first = _named_folder(folder, merged_first)
        if first is None:
            first = hub.fetch(
                merged_first,
                f"the adapter under {name}",
                f"Put it beside the checkpoint, as a folder {merged_first}.",
            )
        if not _same_adapter(first, folder):
            below.append(first)
    base = _backbone_folder(name, folder, preset, given)
    while (base / ADAPTER_CONFIG).is_file():
        below.insert(0, base)
        if len(below) > _MOST:
            raise EncoderError(f"{folder}: more than {_MOST} adapters are stacked on each other.")
        base = _backbone_folder(name, base, None, None)
    if not (base / MODEL_CONFIG).is_file():
        raise no_model(base, name)
    return Stack(base, tuple(below))


def no_model(folder: Path, name: str) -> EncoderError:
    """The error for a folder that is no checkpoint."""
    return EncoderError(
        f"{folder} (for {name}) holds neither {MODEL_CONFIG} nor {ADAPTER_CONFIG}: it is not "
        "a model in Hugging Face layout. Name the folder that holds one of them."
    )


def _backbone_folder(
    name: str, folder: Path, preset: registry.Preset | None, given: str | None
) -> Path:
    if given is not None:
        return hub.local_folder(given, f"backbone of {name}")
    written, revision = base_model(folder)
    found = local_backbone(folder, written)
    if found is not None:
        return found
    cure = f"Name it yourself: '--encoder {name},backbone=FOLDER'."
    if preset is not None and preset.backbone:
        return hub.fetch(preset.backbone, f"backbone of {preset.name}", preset_cure(preset))
    if hub.looks_like_hub_id(written) and not written.startswith("."):
        return hub.fetch(written, f"backbone of {name}", cure, revision)
    raise EncoderError(
        f"{folder / ADAPTER_CONFIG}: the backbone '{written}' is not there, neither relative to "
        f"the adapter nor to the current folder. {cure}"
    )


def base_model(adapter: Path) -> tuple[str, str | None]:
    """The backbone that ``adapter_config.json`` names, ``""`` for none, and its revision.

    Raises:
        EncoderError: one of them is no text.
    """
    values = read_object(adapter / ADAPTER_CONFIG)
    for key in (BASE, "revision"):
        if not isinstance(values.get(key), str | None):
            raise EncoderError(
                f"{adapter / ADAPTER_CONFIG}: {key} is {values[key]!r}; expected a name."
            )
    return values.get(BASE) or "", values.get("revision")


def local_backbone(adapter: Path, written: str) -> Path | None:
    """The folder that an adapter names its backbone by, ``None`` if there is none.

    It is looked for relative to the adapter, to the current folder, and, for a Hub id, to the
    folder that holds both organisations, where repositories lie as on the Hub.
    """
    found = _named_folder(adapter, written) if written else None
    return None if found is None else found.resolve()


def _named_folder(adapter: Path, written: str) -> Path | None:
    places = [adapter / written, Path(written)]
    if hub.looks_like_hub_id(written):
        places.append(adapter.resolve().parent.parent / written)
    known = (MODEL_CONFIG, ADAPTER_CONFIG)
    return next((p for p in places if any((p / file).is_file() for file in known)), None)


def _same_adapter(one: Path, other: Path) -> bool:
    """Whether two folders hold the same weights: an adapter is not merged under itself."""
    if one.resolve() == other.resolve():
        return True
    for name in WEIGHTS_NAMES:
        paths = one / name, other / name
        if all(path.is_file() for path in paths):
            return filecmp.cmp(*paths, shallow=False)
    return False


def preset_cure(preset: registry.Preset) -> str:
    """How to use a named encoder whose files cannot be fetched."""
    gated = "Gated models need an accepted licence and a token (HF_TOKEN)."
    option = f",like={preset.repository}" if preset.lendable and not preset.layout else ""
    if preset.model is not None:
        return (
            f"{gated} With the folder of {preset.model} on this machine, pass it by path: "
            f"--encoder FOLDER{option}"
        )
    return (
        f"{gated} With both folders on this machine ({preset.adapter} and {preset.backbone}), pass "
        f"them by path: --encoder ADAPTER_FOLDER,paradigm={preset.contract.paradigm},"
        "backbone=BACKBONE_FOLDER"
    )
