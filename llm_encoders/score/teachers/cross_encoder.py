"""Cross-encoders: query and passage read together by a sequence classifier."""

from collections.abc import Sequence
from pathlib import Path

import torch

from llm_encoders.devices import choose_device, choose_dtype
from llm_encoders.errors import EncoderError
from llm_encoders.score.teachers.base import Passage, Teacher

_MAX_LENGTH = 512


class CrossEncoder(Teacher):
    """The single logit of a Transformers sequence classifier, as MarginMSE's teachers give it.

    Raises:
        EncoderError: the classifier has more than one output.
    """

    def __init__(self, folder: Path, device: str | None, batch_size: int) -> None:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self.device = choose_device(device)
        local = {"local_files_only": True, "trust_remote_code": False}
        self.tokenizer = AutoTokenizer.from_pretrained(folder, **local)
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=choose_dtype(None, self.device), use_safetensors=True, **local
        )
        if model.config.num_labels != 1:
            raise EncoderError(
                f"{folder}: a cross-encoder teacher has one output, this one has "
                f"{model.config.num_labels}."
            )
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        # Decoders read the last token before the padding and find it by this id.
        model.config.pad_token_id = self.tokenizer.pad_token_id
        self.model = model.to(self.device).eval()
        positions = getattr(model.config, "max_position_embeddings", _MAX_LENGTH)
        self.max_length = min(_MAX_LENGTH, positions)
        self.batch_size = batch_size

    @torch.inference_mode()
    def scores(self, groups: Sequence[tuple[str, Sequence[Passage]]]) -> list[list[float]]:
        """See :class:`Teacher`."""
        pairs = [(query, passage.joined) for query, passages in groups for passage in passages]
        order = sorted(range(len(pairs)), key=lambda i: -len(pairs[i][0]) - len(pairs[i][1]))
        flat = torch.empty(len(pairs))
        for first in range(0, len(order), self.batch_size):
            rows = order[first : first + self.batch_size]
            inputs = self.tokenizer(
                [pairs[row][0] for row in rows],
                [pairs[row][1] for row in rows],
                truncation="only_second",
                max_length=self.max_length,
                padding=True,
                return_tensors="pt",
            ).to(self.device)
            flat[rows] = self.model(**inputs).logits[:, 0].float().cpu()
        values = iter(flat.tolist())
        return [[next(values) for _ in passages] for _, passages in groups]
