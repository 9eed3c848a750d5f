"""The contract of a checkpoint: its own, or that of ``like``, of its preset, of its files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm_encoders import registry
from llm_encoders.checkpoints.adapter_stack import MODEL_CONFIG
from llm_encoders.checkpoints.agreement import agreed
from llm_encoders.checkpoints.contract_options import overridden
from llm_encoders.checkpoints.layouts import read_layout
from llm_encoders.checkpoints.layouts.adapters import ADAPTER_CONFIG
from llm_encoders.checkpoints.layouts.architecture import require_decoder
from llm_encoders.checkpoints.layouts.derived import Derived
from llm_encoders.checkpoints.layouts.lion import lion_paradigm
from llm_encoders.config import CONFIG_NAME, EncoderConfig
from llm_encoders.errors import UsageError, nearest
from llm_encoders.reading import read_object

LION = "lion"


def contract_of(
    name: str,
    folder: Path,
    preset: registry.Preset | None,
    paradigm: str | None = None,
    like: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> tuple[EncoderConfig, Derived | None]:
    """The contract of a checkpoint, and what its files say where they are in a known layout.

    Arguments and errors as for :func:`resolve`, and those of :func:`files_of`.
    """
    changes = changes or {}
    contract, derived = _known_contract(name, folder, preset, paradigm, like, changes)
    if contract is None:
        raise UsageError(_says_nothing(name, folder, paradigm))
    if paradigm is not None and paradigm != contract.paradigm:
        file = folder / (derived.sources["paradigm"] if derived else CONFIG_NAME)
        source = f" ({file} says so)" if file.is_file() else ""
        raise UsageError(
            f"{name} is a {contract.paradigm} encoder, not a {paradigm} one{source}. Leave "
            f"paradigm out, or name a {paradigm} encoder."
        )
    of_class = lion_paradigm(folder)
    if of_class not in (None, contract.paradigm):
        raise UsageError(
            f"{folder / CONFIG_NAME} says {contract.paradigm}, but {ADAPTER_CONFIG} names the "
            f"class of Lion's {of_class} adapters. Correct the one that is wrong."
        )
    return overridden(contract, changes, name), derived


def _known_contract(
    name: str,
    folder: Path,
    preset: registry.Preset | None,
    paradigm: str | None,
    like: str | None,
    changes: Mapping[str, Any],
) -> tuple[EncoderConfig | None, Derived | None]:
    if (folder / CONFIG_NAME).is_file():
        if like is not None:
            raise UsageError(
                f"{folder / CONFIG_NAME} says how {name} encodes; leave out like={like}."
            )
        return EncoderConfig.load(folder), None
    if like is not None:
        _require_decoder(folder, name)
    if like == LION:
        found = lion_paradigm(folder) or paradigm
        if found is None:
            raise UsageError(f"{name}: like={like} needs paradigm=sparse or paradigm=dense.")
        return EncoderConfig(found), None
    if like is not None:
        other = registry.find_preset(like)
        if other is None or not other.lendable:
            problem = "no named encoder" if other is None else "read from its repository's files"
            raise UsageError(
                f"{name}: like is '{like}', which is {problem}.{nearest(like, _likes())} "
                f"Known are {LION} and {', '.join(_likes())}."
            )
        return other.contract, None
    if preset is not None:
        derived = None if preset.folder else read_layout(folder, {*changes, *preset.written})
        return agreed(preset, derived, folder, changes), derived
    _require_decoder(folder, name)
    derived = read_layout(folder, changes.keys())
    return (None, None) if derived is None else (derived.contract, derived)


def _require_decoder(folder: Path, name: str) -> None:
    """Refuse a whole model that is no decoder; what is under an adapter is looked at later."""
    if (folder / MODEL_CONFIG).is_file() and not (folder / ADAPTER_CONFIG).is_file():
        require_decoder(read_object(folder / MODEL_CONFIG), name)


def _likes() -> list[str]:
    """Names that ``like`` takes: the repositories of named encoders."""
    known = registry.presets().values()
    return sorted({one.repository or one.name for one in known if one.lendable})


def _says_nothing(name: str, folder: Path, paradigm: str | None) -> str:
    """Why a checkpoint without a contract is refused, and what to write."""
    copy, place = "", folder / CONFIG_NAME
    if not Path(name).is_dir():
        place = Path("FOLDER") / CONFIG_NAME
        copy = f" Copy the repository into a folder: 'hf download {name} --local-dir FOLDER'."
    return (
        f"{name} does not say how it encodes: it has no {CONFIG_NAME}.{copy} Write {place} by "
        f"its publisher's description, every value filled in: {EncoderConfig.template()}. If it "
        "encodes as a named encoder does, give that one's name, as in "
        f"'--encoder {name},like=castorini/repllama-v1-7b-lora-passage', or, for an adapter "
        "trained with the code of arXiv 2502.15526, "
        f"'--encoder {name},paradigm={paradigm or 'sparse'},like={LION}'."
    )
