"""The files of an adapter by name, and what ``adapter_config.json`` says besides the adapter."""

from pathlib import Path

from llm_encoders.errors import EncoderError
from llm_encoders.reading import read_object

ADAPTER_CONFIG = "adapter_config.json"
WEIGHTS_NAMES = ("adapter_model.safetensors", "adapter_model.bin")
_REMOTE = "transformers_modules."


def trained_on(folder: Path) -> tuple[str, str]:
    """Library and class of the model that an adapter was trained on, empty where it does not say.

    PEFT writes them (``auto_mapping``) for models that are no class of Transformers.
    """
    path = folder / ADAPTER_CONFIG
    if not path.is_file():
        return "", ""
    try:
        mapping = read_object(path).get("auto_mapping")
    except EncoderError:  # loading the adapter reads it again and raises then
        return "", ""
    if not isinstance(mapping, dict):
        return "", ""
    library, name = mapping.get("parent_library"), mapping.get("base_model_class")
    if not isinstance(library, str) or not isinstance(name, str):
        return "", ""
    return library, name


def repository_of_class(library: str) -> str | None:
    """The Hub id in ``transformers_modules.ORG.REPO.module``: the repository whose code the model
    ran, and whose adapter was merged before."""
    if not library.startswith(_REMOTE):
        return None
    organisation, _, rest = library.removeprefix(_REMOTE).partition(".")
    repository, _, _ = rest.rpartition(".")
    # Transformers writes a dot in a module's name as _dot_, and adds the revision to newer ones.
    repository = repository.partition(".")[0].replace("_dot_", ".").replace("_hyphen_", "-")
    organisation = organisation.replace("_hyphen_", "-")
    return f"{organisation}/{repository}" if organisation and repository else None
