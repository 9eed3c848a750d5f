"""Cross-encoders: query and passage read together by a sequence classifier (arXiv 1901.04085)."""

from pathlib import Path

from torch import Tensor

from llm_encoders.devices import choose_device
from llm_encoders.errors import EncoderError
from llm_encoders.teachers.base import PairTeacher
from llm_encoders.teachers.loading import load_model

_MAX_LENGTH = 512


class CrossEncoder(PairTeacher):
    """The single logit of a Transformers sequence classifier, without activation.

    MarginMSE learns differences of these logits (arXiv 2010.02666). The longer of query and
    passage loses its end first; at most 512 tokens are read.

    Raises:
        EncoderError: the classifier has more than one output, or its weights are absent.
    """

    def __init__(self, folder: Path, device: str | None, dtype: str, batch_size: int) -> None:
        from transformers import AutoTokenizer

        self.device = choose_device(device)
        local = {"local_files_only": True, "trust_remote_code": False}
        self.tokenizer = AutoTokenizer.from_pretrained(folder, **local)
        model = load_model("AutoModelForSequenceClassification", folder, self.device, dtype)
        if model.config.num_labels != 1:
            raise EncoderError(
                f"{folder}: a cross-encoder teacher has one output, this one has "
                f"{model.config.num_labels}."
            )
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        # Decoders read the last token before the padding and find it by this id.
        model.config.pad_token_id = self.tokenizer.pad_token_id
        self.model = model
        positions = getattr(model.config, "max_position_embeddings", _MAX_LENGTH)
        self.max_length = min(_MAX_LENGTH, positions, self.tokenizer.model_max_length)
        self.batch_size = batch_size

    def prepare(self, query: str, passage: str) -> tuple[str, str]:
        """See :class:`PairTeacher`."""
        return query, passage

    def length(self, prepared: tuple[str, str]) -> int:
        """See :class:`PairTeacher`."""
        return len(prepared[0]) + len(prepared[1])

    def logits(self, batch: list[tuple[str, str]]) -> Tensor:
        """See :class:`PairTeacher`."""
        inputs = self.tokenizer(
            [query for query, _ in batch],
            [passage for _, passage in batch],
            truncation="longest_first",
            max_length=self.max_length,
            padding=True,
            return_tensors="pt",
        ).to(self.device)
        logits: Tensor = self.model(**inputs).logits[:, 0]
        return logits
