"""Language models that write queries: causal, or from sequence to sequence."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from llm_encoders.checkpoints import hub
from llm_encoders.checkpoints.fingerprint import folder_fingerprints
from llm_encoders.checkpoints.loading_faults import faults_of_loading
from llm_encoders.checkpoints.remote_code import keep_remote_code_out
from llm_encoders.checkpoints.stock_model import load_stock_model
from llm_encoders.checkpoints.tokenizer import check_tokenizer, folder_tokenizer
from llm_encoders.config import CONFIG_NAME
from llm_encoders.devices import choose_device, choose_dtype, dtype_name
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.reading import read_object
from llm_encoders.scaling.augment import prompt as prompts
from llm_encoders.scaling.augment.augmentation import Generation

_WRITERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
_TOKENS = (
    *("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"),
    *("forced_bos_token_id", "forced_eos_token_id", "suppress_tokens", "begin_suppress_tokens"),
)
"""What is taken of a model's own settings for generation; those of sampling and search are not."""

_NONE = -1
"""How the first Llamas write that a token does not exist."""


class Written(NamedTuple):
    """A query as a model has written it."""

    query: str
    whole: bool
    """Whether the model has ended it, and not the largest number of tokens."""


def generator_folder(name: str) -> Path:
    """The folder of a generator; loads no weights.

    Raises:
        EncoderError: there is no such model, or it writes no text; says what it is.
    """
    folder = hub.local_folder(name, "generator")
    if (folder / CONFIG_NAME).is_file():
        raise UsageError(
            f"generator: {name} is an encoder ({CONFIG_NAME} is in it), which writes no text. Name "
            "a causal or sequence-to-sequence language model."
        )
    if not (folder / "config.json").is_file():
        adapter = (folder / "adapter_config.json").is_file()
        cure = (
            "It is an adapter: merge it by PEFT (merge_and_unload) and name the merged model."
            if adapter
            else "Name the folder of a whole model."
        )
        raise EncoderError(f"generator: {folder} has no config.json. {cure}")
    found = read_object(folder / "config.json").get("architectures")
    architecture = str(found[0]) if isinstance(found, list) and found else "unknown"
    if not any(word in architecture for word in _WRITERS):
        raise EncoderError(
            f"generator: {folder} is of the architecture {architecture}, which writes no text. "
            "Name a causal or sequence-to-sequence language model (…ForCausalLM or "
            "…ForConditionalGeneration in config.json)."
        )
    return folder


def generator_fingerprint(
    folder: Path, generation: Generation, device: str | None
) -> dict[str, Any]:
    """What the queries of a generator depend on.

    Raises:
        UsageError: there is no such device or number format.
    """
    return {
        **vars(generation),
        "dtype": dtype_name(choose_dtype(generation.dtype, choose_device(device))),
        "files": folder_fingerprints(folder),
    }


class Generator:
    """A loaded model.

    Args:
        folder: see :func:`generator_folder`.
        generation: how it writes.
        device: where it computes; ``None`` for the best there is.

    Raises:
        EncoderError: its files are faulty or weights absent.
        UsageError: prompt or options do not fit the model.
    """

    def __init__(self, folder: Path, generation: Generation, device: str | None) -> None:
        self.device = choose_device(device)
        self._folder, self._generation = folder, generation
        with faults_of_loading(folder, "a generator"):
            self._load(choose_dtype(generation.dtype, self.device))
        self._most = self._room_for_prompts()
        if generation.chat and getattr(self.tokenizer, "chat_template", None) is None:
            raise UsageError(
                f"--chat: the tokenizer of {folder} has no chat template. Leave --chat out, or "
                "name an instruction-tuned model."
            )

    def _load(self, dtype: torch.dtype) -> None:
        keep_remote_code_out(self._folder)  # before Transformers is imported
        from transformers import AutoConfig, GenerationConfig

        config = AutoConfig.from_pretrained(
            self._folder, local_files_only=True, trust_remote_code=False
        )
        self.reads_first = bool(config.is_encoder_decoder)
        """Whether an encoder reads the prompt."""
        self.model = load_stock_model(
            "AutoModelForSeq2SeqLM" if self.reads_first else "AutoModelForCausalLM",
            self._folder,
            self.device,
            dtype_name(dtype),
            gives="queries",
            cure="Fetch its files again, or name another generator.",
        )
        self.tokenizer = folder_tokenizer(self._folder)
        check_tokenizer(self.tokenizer, self.model, str(self._folder))
        own = self.model.generation_config
        given = {name: getattr(own, name, None) for name in _TOKENS}
        settings = GenerationConfig(
            **{name: None if value == _NONE else value for name, value in given.items()}
        )
        self._require_known(settings)
        settings.max_new_tokens = self._generation.query_tokens
        settings.do_sample, settings.num_beams = False, 1
        ends = settings.eos_token_id
        self._ends = set(ends if isinstance(ends, list) else [ends]) - {None}
        if settings.pad_token_id is None:
            settings.pad_token_id = min(self._ends, default=0)
        self._settings = self.model.generation_config = settings

    def _require_known(self, settings: Any) -> None:
        """Refuse ids of tokens that the model does not have.

        Raises:
            EncoderError: names the setting.
        """
        known = self.model.get_input_embeddings().num_embeddings
        for name in _TOKENS:
            value = getattr(settings, name)
            for token in value if isinstance(value, list) else [value]:
                if token is not None and not (isinstance(token, int) and 0 <= token < known):
                    raise EncoderError(
                        f"{self._folder}: {name} is {token} in generation_config.json or "
                        f"config.json, but the model has the tokens 0 to {known - 1:,}. Correct it."
                    )

    def _room_for_prompts(self) -> int:
        """Tokens of a prompt, at most."""
        known = self.model.config.get_text_config()
        positions = getattr(known, "max_position_embeddings", None)
        if positions is None:
            return self._generation.prompt_tokens
        room = int(positions) - (0 if self.reads_first else self._generation.query_tokens)
        if room < 1:
            raise UsageError(
                f"{self._folder} reads {positions:,} tokens; queries of "
                f"{self._generation.query_tokens:,} tokens leave no room for a passage. Lower "
                "--query-tokens."
            )
        return min(self._generation.prompt_tokens, room)

    def prompt_ids(self, title: str | None, text: str) -> list[int]:
        """Token ids of a passage's prompt; a passage too long loses its end, never the prompt.

        Raises:
            UsageError: the prompt is too long without any text.
        """
        ids = self._ids(title, text)
        while len(ids) > self._most:
            if not text:
                raise UsageError(
                    f"The prompt has {len(ids):,} tokens without the text of a passage, and "
                    f"{self._most:,} are read. Shorten it, or raise --prompt-tokens."
                )
            count = len(self.tokenizer(text, add_special_tokens=False)["input_ids"])
            kept = max(0, count - (len(ids) - self._most)) / max(1, count)
            text = text[: min(int(len(text) * kept), len(text) - 1)].rstrip()
            ids = self._ids(title, text)
        return ids

    def _ids(self, title: str | None, text: str) -> list[int]:
        filled = prompts.fill(self._generation.prompt, title, text)
        if not self._generation.chat:
            ids: list[int] = self.tokenizer(filled)["input_ids"]
            return ids
        message = [{"role": "user", "content": filled}]
        chat = self.tokenizer.apply_chat_template(
            message, add_generation_prompt=True, tokenize=False, enable_thinking=False
        )
        ids = self.tokenizer(chat, add_special_tokens=False)["input_ids"]
        return ids

    @torch.inference_mode()
    def write(self, prompted: Sequence[list[int]], numbers: np.ndarray | None) -> list[Written]:
        """A query for every prompt, as one batch.

        Args:
            prompted: token ids; see :meth:`prompt_ids`.
            numbers: float64 [prompts, query tokens], what tokens are drawn by; ``None`` takes the
                likeliest.

        Raises:
            EncoderError: the batch does not fit into memory, or the model gives NaN.
        """
        from transformers import LogitsProcessorList, StoppingCriteriaList

        from llm_encoders.scaling.augment.decoding import LineEnds, NextToken

        ids, mask = self._padded(prompted)
        try:
            found: Tensor = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                generation_config=copy.deepcopy(self._settings),
                logits_processor=LogitsProcessorList([NextToken(self._generation, numbers)]),
                stopping_criteria=StoppingCriteriaList([LineEnds(self.tokenizer)]),
            )
        except torch.OutOfMemoryError as error:
            raise EncoderError(
                f"Out of memory: {str(error).splitlines()[0]} Lower --batch-size."
            ) from None
        return [self._written(row) for row in found[:, 1 if self.reads_first else ids.shape[1] :]]

    def _padded(self, prompted: Sequence[list[int]]) -> tuple[Tensor, Tensor]:
        """Token ids and mask, int64 [prompts, length]; a decoder is padded on the left, so that
        every prompt ends where its query begins."""
        longest = max(map(len, prompted))
        ids = torch.full((len(prompted), longest), int(self._settings.pad_token_id))
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompted):
            first = 0 if self.reads_first else longest - len(prompt)
            ids[row, first : first + len(prompt)] = torch.tensor(prompt)
            mask[row, first : first + len(prompt)] = 1
        return ids.to(self.device), mask.to(self.device)

    def _written(self, row: Tensor) -> Written:
        from llm_encoders.scaling.augment.decoding import first_line

        text: str = self.tokenizer.decode(row, skip_special_tokens=True)
        whole = "\n" in text.lstrip() or not self._ends.isdisjoint(row.tolist())
        return Written(first_line(text), whole)
