"""From an encoder's name to files on disk: contract, adapter folder and backbone folder."""

from dataclasses import dataclass
from pathlib import Path

from llm_encoders import registry
from llm_encoders.checkpoints import hub
from llm_encoders.config import CONFIG_NAME, EncoderConfig
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.reading import read_object

ADAPTER_CONFIG = "adapter_config.json"
MODEL_CONFIG = "config.json"


@dataclass(frozen=True)
class Checkpoint:
    """Everything an encoder is loaded from; all folders are local."""

    name: str
    contract: EncoderConfig
    backbone: Path
    adapter: Path | None


def resolve(name: str, paradigm: str | None = None, backbone: str | None = None) -> Checkpoint:
    """Find the files of a named encoder, a folder or a Hub repository.

    Raises:
        UsageError: unknown name, missing or contradicting paradigm.
        EncoderError: files that cannot be had; says what was tried.
    """
    preset = registry.find(name)
    if preset is not None and preset.unavailable:
        raise EncoderError(f"{name}: {preset.unavailable}")
    if preset is not None:
        folder = preset.local_folder or hub.fetch(
            str(preset.adapter), f"adapter of {preset.name}", _cure(preset)
        )
    elif Path(name).is_dir():
        folder = Path(name)
    elif hub.looks_like_hub_id(name) and not name.startswith(("./", "../")):
        folder = hub.fetch(name, "encoder", "A local folder works in place of the Hub id.")
    elif "/" in name or "\\" in name:
        raise UsageError(f"There is no folder '{name}', and it is not a Hub id.")
    else:
        raise registry.unknown_name(name)
    contract = _contract(name, folder, preset, paradigm)
    if not (folder / ADAPTER_CONFIG).is_file():
        if backbone is not None:
            raise UsageError(
                f"{name} has no {ADAPTER_CONFIG}, so it is a whole model and takes no 'backbone'."
            )
        _require_model(folder, name)
        return Checkpoint(name, contract, folder, None)
    return Checkpoint(name, contract, _backbone_folder(name, folder, preset, backbone), folder)


def resolve_spec(
    spec: str, paradigm: str | None = None, backbone: str | None = None
) -> tuple[Checkpoint, dict[str, str]]:
    """As :func:`resolve` for a name with written options; arguments win over written ones.

    Returns:
        The files, and the written options.
    """
    name, written = registry.parse_spec(spec)
    paradigm, backbone = paradigm or written.get("paradigm"), backbone or written.get("backbone")
    return resolve(name, paradigm, backbone), written


def _contract(
    name: str, folder: Path, preset: registry.Preset | None, paradigm: str | None
) -> EncoderConfig:
    if (folder / CONFIG_NAME).is_file():
        contract = EncoderConfig.load(folder)
    elif preset is not None:
        contract = preset.contract
    elif paradigm is not None:
        return EncoderConfig(paradigm=paradigm)
    else:
        raise UsageError(
            f"{name} has no {CONFIG_NAME}: say what it is by adding paradigm=sparse or "
            f"paradigm=dense, on a command line as '--encoder {name},paradigm=sparse'."
        )
    if paradigm is not None and paradigm != contract.paradigm:
        raise UsageError(f"{name} is a {contract.paradigm} encoder, not a {paradigm} one.")
    return contract


def _backbone_folder(
    name: str, folder: Path, preset: registry.Preset | None, given: str | None
) -> Path:
    if given is not None:
        if Path(given).is_dir():
            return _require_model(Path(given), name)
        if hub.looks_like_hub_id(given):
            return hub.fetch(given, f"backbone of {name}", "A local folder works as well.")
        raise UsageError(f"{name}: backbone '{given}' is neither a folder nor a Hub id.")
    written = str(read_object(folder / ADAPTER_CONFIG).get("base_model_name_or_path") or "")
    found = local_backbone(folder, written)
    if found is not None:
        return found
    cure = f"Name it yourself: '--encoder {name},backbone=FOLDER'."
    if preset is not None and preset.backbone:
        return hub.fetch(preset.backbone, f"backbone of {preset.name}", _cure(preset))
    if hub.looks_like_hub_id(written) and not written.startswith("."):
        return hub.fetch(written, f"backbone of {name}", cure)
    raise EncoderError(
        f"{folder / ADAPTER_CONFIG}: the backbone '{written}' is not there, neither relative to "
        f"the adapter nor to the current folder. {cure}"
    )


def local_backbone(adapter: Path, written: str) -> Path | None:
    """The folder that an adapter names its backbone by, relative to itself or to the current one;
    ``None`` if there is none."""
    for candidate in (adapter / written, Path(written)) if written else ():
        if (candidate / MODEL_CONFIG).is_file():
            return candidate.resolve()
    return None


def _require_model(folder: Path, name: str) -> Path:
    if not (folder / MODEL_CONFIG).is_file():
        raise EncoderError(
            f"{folder} (for {name}) holds neither {MODEL_CONFIG} nor {ADAPTER_CONFIG}: it is not "
            "a model in Hugging Face layout."
        )
    return folder


def _cure(preset: registry.Preset) -> str:
    return (
        f"Gated models need an accepted licence and a token (HF_TOKEN). With both folders on this "
        f"machine ({preset.adapter} and {preset.backbone}), pass them by path: --encoder "
        f"ADAPTER_FOLDER,paradigm={preset.contract.paradigm},backbone=BACKBONE_FOLDER"
    )
