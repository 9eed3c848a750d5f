"""From an encoder's name to files on disk: contract, adapter folder and backbone folder."""

from dataclasses import dataclass
from pathlib import Path

from llm_encoders import registry
from llm_encoders.checkpoints import hub
from llm_encoders.checkpoints.lion import lion_paradigm
from llm_encoders.config import CONFIG_NAME, PARADIGMS, EncoderConfig
from llm_encoders.errors import EncoderError, UsageError, nearest
from llm_encoders.reading import read_object

ADAPTER_CONFIG = "adapter_config.json"
MODEL_CONFIG = "config.json"
BASE = "base_model_name_or_path"
LION = "lion"
KNOWN_CONTRACTS = (LION,)
# What publishers write of how a checkpoint encodes; see the layout of sentence-transformers.
_PUBLISHERS_FILES = (
    "modules.json",
    "1_Pooling/config.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "llm2vec_config.json",
)


@dataclass(frozen=True)
class Checkpoint:
    """Everything an encoder is loaded from; all folders are local."""

    name: str
    contract: EncoderConfig
    backbone: Path
    adapter: Path | None


def resolve(
    name: str, paradigm: str | None = None, backbone: str | None = None, like: str | None = None
) -> Checkpoint:
    """Find the files of a named encoder, a folder or a Hub repository.

    A local folder that holds a checkpoint wins over a preset of the same name.

    Args:
        name: of the encoder, without written options.
        paradigm: ``"sparse"`` or ``"dense"``; an error if the checkpoint is of the other.
        backbone: folder or Hub id of the model under an adapter.
        like: ``"lion"`` gives a checkpoint that says nothing of how it encodes the contract of the
            published Lion checkpoints.

    Raises:
        UsageError: unknown name; missing or contradicting paradigm or contract.
        EncoderError: files that cannot be had; says what was tried.
    """
    if like is not None and like not in KNOWN_CONTRACTS:
        raise UsageError(
            f"{name}: like is '{like}'; the only contract known by a name is '{LION}'."
        )
    if paradigm is not None and paradigm not in PARADIGMS:
        raise UsageError(
            f"{name}: paradigm is '{paradigm}'; choose one of {', '.join(PARADIGMS)}."
            f"{nearest(paradigm, PARADIGMS)}"
        )
    preset = registry.find(name)
    folder = _folder(name, preset)
    adapted = (folder / ADAPTER_CONFIG).is_file()
    if not adapted:
        if backbone is not None:
            raise UsageError(
                f"{name} has no {ADAPTER_CONFIG}, so it is a whole model and takes no 'backbone'."
            )
        _require_model(folder, name)
    contract = _contract(name, folder, preset, paradigm, like)
    if not adapted:
        return Checkpoint(name, contract, folder, None)
    return Checkpoint(name, contract, _backbone_folder(name, folder, preset, backbone), folder)


def resolve_spec(
    spec: str,
    paradigm: str | None = None,
    backbone: str | None = None,
    like: str | None = None,
) -> tuple[Checkpoint, dict[str, str]]:
    """As :func:`resolve` for a name with written options; arguments win over written ones.

    Returns:
        The files, and the written options.
    """
    name, written = registry.parse_spec(spec)
    files = resolve(
        name,
        paradigm or written.get("paradigm"),
        backbone or written.get("backbone"),
        like or written.get("like"),
    )
    return files, written


def _folder(name: str, preset: registry.Preset | None) -> Path:
    if preset is not None and preset.unavailable:
        raise EncoderError(f"{name}: {preset.unavailable}")
    if preset is not None:
        return preset.local_folder or hub.fetch(
            str(preset.adapter), f"adapter of {preset.name}", _cure(preset)
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
        return hub.fetch(name, "encoder", "A local folder works in place of the Hub id.")
    if "/" in name or "\\" in name:
        raise UsageError(f"There is no folder '{name}', and it is not a Hub id.")
    raise registry.unknown_name(name)


def _contract(
    name: str,
    folder: Path,
    preset: registry.Preset | None,
    paradigm: str | None,
    like: str | None,
) -> EncoderConfig:
    of_class = lion_paradigm(folder)
    if (folder / CONFIG_NAME).is_file():
        contract = EncoderConfig.load(folder)
        if like is not None:
            raise UsageError(
                f"{folder / CONFIG_NAME} says how {name} encodes; leave out like={like}."
            )
    elif preset is not None:
        contract = preset.contract
    elif of_class is not None:
        contract = EncoderConfig(of_class)
    elif like is not None:
        if paradigm is None:
            raise UsageError(f"{name}: like={like} needs paradigm=sparse or paradigm=dense.")
        contract = EncoderConfig(paradigm)
    else:
        raise UsageError(_says_nothing(name, folder, paradigm))
    if paradigm is not None and paradigm != contract.paradigm:
        raise UsageError(f"{name} is a {contract.paradigm} encoder, not a {paradigm} one.")
    if of_class not in (None, contract.paradigm):
        raise UsageError(
            f"{folder / CONFIG_NAME} says {contract.paradigm}, but {ADAPTER_CONFIG} names the "
            f"class of Lion's {of_class} adapters."
        )
    return contract


def _says_nothing(name: str, folder: Path, paradigm: str | None) -> str:
    """Why a checkpoint without a contract is refused, and what to write."""
    found = [file for file in _PUBLISHERS_FILES if (folder / file).exists()]
    unread = ""
    if found:
        several = len(found) > 1
        unread = (
            f" Its {', '.join(found)} {'say' if several else 'says'} how, but "
            f"{'are' if several else 'is'} not read by this version."
        )
    place = folder / CONFIG_NAME
    if not Path(name).is_dir():
        place = Path("FOLDER") / CONFIG_NAME
        unread += f" Copy the repository into a folder: 'hf download {name} --local-dir FOLDER'."
    return (
        f"{name} does not say how it encodes: it has no {CONFIG_NAME}.{unread} Write {place} by "
        f"its publisher's description, every value filled in: {EncoderConfig.template()}. If it "
        "encodes as the Lion checkpoints do (arXiv 2502.15526), give "
        f"'--encoder {name},paradigm={paradigm or 'sparse'},like={LION}'."
    )


def _backbone_folder(
    name: str, folder: Path, preset: registry.Preset | None, given: str | None
) -> Path:
    if given is not None:
        if Path(given).is_dir():
            return _require_model(Path(given), name)
        if hub.looks_like_hub_id(given):
            return hub.fetch(given, f"backbone of {name}", "A local folder works as well.")
        raise UsageError(f"{name}: backbone '{given}' is neither a folder nor a Hub id.")
    written, revision = base_model(folder)
    found = local_backbone(folder, written)
    if found is not None:
        return found
    cure = f"Name it yourself: '--encoder {name},backbone=FOLDER'."
    if preset is not None and preset.backbone:
        return hub.fetch(preset.backbone, f"backbone of {preset.name}", _cure(preset))
    if hub.looks_like_hub_id(written) and not written.startswith("."):
        return hub.fetch(written, f"backbone of {name}", cure, revision)
    raise EncoderError(
        f"{folder / ADAPTER_CONFIG}: the backbone '{written}' is not there, neither relative to "
        f"the adapter nor to the current folder. {cure}"
    )


def base_model(adapter: Path) -> tuple[str, str | None]:
    """The backbone that ``adapter_config.json`` names, ``""`` for none, and its revision.

    Raises:
        EncoderError: they are no words.
    """
    values = read_object(adapter / ADAPTER_CONFIG)
    for key in (BASE, "revision"):
        if not isinstance(values.get(key), str | None):
            raise EncoderError(
                f"{adapter / ADAPTER_CONFIG}: {key} is {values[key]!r}; expected a name."
            )
    return values.get(BASE) or "", values.get("revision")


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
