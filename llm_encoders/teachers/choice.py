"""Which teacher: of what kind it is, told by its files, and in what number format it computes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_encoders import registry
from llm_encoders.checkpoints import hub
from llm_encoders.checkpoints.fingerprint import checkpoint_fingerprints, folder_fingerprints
from llm_encoders.checkpoints.layouts.lion import lion_paradigm
from llm_encoders.checkpoints.loading_faults import faults_of_loading
from llm_encoders.checkpoints.remote_code import close_kernels
from llm_encoders.checkpoints.resolve import resolve_spec
from llm_encoders.checkpoints.two_sides import require_passages
from llm_encoders.config import CONFIG_NAME
from llm_encoders.devices import choose_device, choose_dtype, dtype_name
from llm_encoders.errors import EncoderError, UsageError, nearest
from llm_encoders.reading import read_object
from llm_encoders.spec import parse_spec
from llm_encoders.teachers.base import Teacher
from llm_encoders.teachers.options import KINDS


@dataclass(frozen=True)
class TeacherChoice:
    """A teacher that was found, but whose weights are not yet loaded; see :func:`find_teacher`."""

    name: str
    kind: str
    folder: Path | None
    """Its files; ``None`` for an encoder of ours, which has a name."""
    dtype: str
    """Number format of weights and activations, ``float32`` unless another was asked for."""
    device: str | None
    batch_size: int

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What its scores depend on."""
        return {
            "teacher": self.name,
            "kind": self.kind,
            "dtype": self.dtype,
            "batch size": self.batch_size,
            "files": folder_fingerprints(self.folder)
            if self.folder
            else checkpoint_fingerprints(resolve_spec(self.name)[0]),
        }

    @property
    def record(self) -> dict[str, str]:
        """What is written beside its scores, so that their reader knows whose they are."""
        return {"name": self.name, "kind": self.kind, "dtype": self.dtype}

    def describe(self, teacher: Teacher) -> str:
        """What scores, in words."""
        details = f", {teacher.details}" if teacher.details else ""
        return f"{self.name}, {self.kind}, {self.dtype}{details}"

    def load(self) -> Teacher:
        """Load the weights.

        Raises:
            EncoderError: files are faulty, or weights absent.
        """
        with faults_of_loading(self.folder or self.name, "a teacher"):
            return self._load()

    def _load(self) -> Teacher:
        close_kernels()  # before Transformers is imported
        options = (self.device, self.dtype, self.batch_size)
        if self.folder is None:
            from llm_encoders.teachers.our_encoder import OurEncoder

            return OurEncoder(self.name, *options)
        if self.kind == "cross-encoder":
            from llm_encoders.teachers.cross_encoder import CrossEncoder

            return CrossEncoder(self.folder, *options)
        if self.kind == "yes-no":
            from llm_encoders.teachers.yes_no import YesNo

            return YesNo(self.folder, *options)
        from llm_encoders.teachers.sentence_transformers import SentenceEncoder

        return SentenceEncoder(self.folder, *options)


def find_teacher(
    name: str,
    kind: str | None = None,
    *,
    device: str | None = None,
    dtype: str | None = None,
    batch_size: int = 32,
) -> TeacherChoice:
    """Find a teacher and what kind it is, by its files alone.

    Args:
        name: a folder, a Hub id, or one of our encoders by name.
        kind: ``cross-encoder`` (a sequence classifier with one output), ``bi-encoder`` (one of
            our encoders, or a model in the layout of sentence-transformers) or ``yes-no`` (a
            causal language model that is asked); ``None`` looks at the files.
        device: default the first GPU, else the CPU.
        dtype: ``float32``, ``bfloat16`` or ``float16``; default float32, on a GPU as well, since
            rounded scores make passages equal that are not.
        batch_size: pairs or texts at a time.

    Raises:
        EncoderError: there is no such model, it is of no known kind, or its files are faulty.
    """
    if kind is not None and kind not in KINDS:
        raise UsageError(f"Unknown kind of teacher '{kind}'; choose one of {', '.join(KINDS)}.")
    if batch_size < 1:
        raise UsageError(f"The batch size is {batch_size}; give at least 1.")
    bare, written = parse_spec(name)
    dtype = dtype or written.get("dtype") or "float32"
    dtype = dtype_name(choose_dtype(dtype, choose_device("cpu")))
    ours = (
        registry.find(bare) is not None
        or (Path(bare) / CONFIG_NAME).is_file()
        or "like" in written
        or lion_paradigm(Path(bare)) is not None
    )
    if ours:
        if kind not in (None, "bi-encoder"):
            raise UsageError(f"{name} is one of our encoders, so a bi-encoder, not a {kind}.")
        require_passages(resolve_spec(name)[0])
        return TeacherChoice(name, "bi-encoder", None, dtype, device, batch_size)
    try:
        folder = hub.local_folder(name, "teacher")
    except UsageError as error:
        raise UsageError(
            f"{error} Nor is it one of our encoders.{nearest(name, registry.presets())}"
        ) from None
    return TeacherChoice(name, kind or _kind(folder), folder, dtype, device, batch_size)


def load_teacher(name: str, kind: str | None = None, **options: Any) -> Teacher:
    """Find and load a teacher; arguments and errors as for :func:`find_teacher`."""
    return find_teacher(name, kind, **options).load()


def _kind(folder: Path) -> str:
    if (folder / "modules.json").is_file():
        return "bi-encoder"
    architectures = read_object(folder / "config.json").get("architectures") or [""]
    architecture = str(architectures[0] if isinstance(architectures, list) else architectures)
    if "ForSequenceClassification" in architecture:
        return "cross-encoder"
    if "ForCausalLM" in architecture or "LMHeadModel" in architecture:
        return "yes-no"
    raise EncoderError(
        f"{folder}: cannot tell what kind of teacher {architecture or 'this'} is; add "
        f"--kind with one of {', '.join(KINDS)}."
    )
