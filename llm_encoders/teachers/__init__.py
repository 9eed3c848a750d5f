"""Teachers: models that score a query's passages."""

from pathlib import Path

from llm_encoders import registry
from llm_encoders.checkpoints import hub
from llm_encoders.config import CONFIG_NAME
from llm_encoders.errors import EncoderError, UsageError, nearest
from llm_encoders.reading import read_object
from llm_encoders.teachers.base import Teacher

KINDS = ("cross-encoder", "bi-encoder", "yes-no")


def load_teacher(
    name: str, kind: str | None = None, *, device: str | None = None, batch_size: int = 32
) -> Teacher:
    """Load a teacher.

    Args:
        name: a folder, a Hub id, or one of our encoders by name.
        kind: ``cross-encoder`` (a sequence classifier with one output), ``bi-encoder`` (one of
            our encoders, or a model in Sentence Transformers layout) or ``yes-no`` (a causal
            language model that is asked); ``None`` looks at the files.
        device: default the first GPU, else the CPU.
        batch_size: pairs or texts at a time.

    Raises:
        EncoderError: there is no such model, it is of no known kind, or its files are faulty.
    """
    if kind is not None and kind not in KINDS:
        raise UsageError(f"Unknown kind of teacher '{kind}'; choose one of {', '.join(KINDS)}.")
    ours = (
        registry.find(registry.parse_spec(name)[0]) is not None
        or (Path(registry.parse_spec(name)[0]) / CONFIG_NAME).is_file()
    )
    if ours:
        if kind not in (None, "bi-encoder"):
            raise UsageError(f"{name} is one of our encoders, so a bi-encoder, not a {kind}.")
        from llm_encoders.teachers.bi_encoder import OurEncoder

        return OurEncoder(name, device, batch_size)
    try:
        folder = hub.local_folder(name, "teacher")
    except UsageError as error:
        raise UsageError(
            f"{error} Nor is it one of our encoders.{nearest(name, registry.presets())}"
        ) from None
    try:
        return _load(folder, kind or _kind(folder), device, batch_size)
    except EncoderError:
        raise
    except Exception as error:  # what libraries raise for faulty files is of a dozen classes
        reason = " ".join(str(error).split())
        raise EncoderError(f"{folder} cannot be loaded as a teacher: {reason}") from error


def _load(folder: Path, kind: str, device: str | None, batch_size: int) -> Teacher:
    if kind == "cross-encoder":
        from llm_encoders.teachers.cross_encoder import CrossEncoder

        return CrossEncoder(folder, device, batch_size)
    if kind == "yes-no":
        from llm_encoders.teachers.yes_no import YesNo

        return YesNo(folder, device, batch_size)
    from llm_encoders.teachers.bi_encoder import SentenceEncoder

    return SentenceEncoder(folder, device, batch_size)


def _kind(folder: Path) -> str:
    if (folder / "modules.json").is_file():
        return "bi-encoder"
    architectures = read_object(folder / "config.json").get("architectures") or [""]
    if "ForSequenceClassification" in str(architectures[0]):
        return "cross-encoder"
    if "ForCausalLM" in str(architectures[0]):
        return "yes-no"
    raise EncoderError(
        f"{folder}: cannot tell what kind of teacher {architectures[0] or 'this'} is; add "
        f"--kind with one of {', '.join(KINDS)}."
    )
