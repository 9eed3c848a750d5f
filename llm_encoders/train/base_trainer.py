"""What all training stages share: numbered batches, and checkpoints without pickle.

Sharded runs (FSDP, DeepSpeed) are the exception: their optimiser and schedule are written and read
by Transformers and PyTorch, which pickle.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors import SafetensorError
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainingArguments

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.train import checkpoints, training_state
from llm_encoders.train.gather import processes
from llm_encoders.train.health import require_finite_gradient

PREFIX = "language_model."
_SECONDS = "seconds.json"


class BaseTrainer(Trainer):
    """A Transformers ``Trainer`` over batches that are numbered by step.

    Args:
        model: has ``language_model``, a Transformers or PEFT model.
        args: training arguments.
        batches: item ``i`` is what this process does in part ``i`` of the run.
        write: writes the encoder, as users load it, into a folder, given a state dict or ``None``.
        keep: checkpoints to keep besides the best.
        epoch_steps: optimiser steps in which every query (or passage) is seen once.
        batch_size: queries (or passages) of an optimiser step.
    """

    def __init__(
        self,
        model: Any,
        args: TrainingArguments,
        batches: Dataset[Any],
        write: Callable[[Path, dict[str, torch.Tensor] | None], None],
        keep: int,
        eval_dataset: Any = None,
        *,
        epoch_steps: float,
        batch_size: int,
    ) -> None:
        with _said_in_a_sentence():
            super().__init__(
                model=model, args=args, train_dataset=batches, eval_dataset=eval_dataset
            )
        self.trained = model
        """The model as it was given, without what wraps it."""
        self._write = write
        self._keep = keep
        self._epoch_steps, self._batch_size = epoch_steps, batch_size
        self._steps_before = 0
        self._seconds_before = 0.0
        self._begun = time.monotonic()

    @property
    def sharded(self) -> bool:
        """Whether FSDP or DeepSpeed own the weights."""
        return self.is_fsdp_enabled or self.is_deepspeed_enabled

    @property
    def output(self) -> Path:
        """Folder of the run's checkpoints."""
        assert self.args.output_dir is not None  # Transformers sets one where none is given
        return Path(self.args.output_dir)

    def backward(self, loss: torch.Tensor) -> None:
        """Differentiate a loss that is already divided by the number of parts of a step."""
        options = {"scale_wrt_gas": False} if self.is_deepspeed_enabled else {}
        self.accelerator.backward(loss, **options)

    @contextmanager
    def last_or_no_sync(self, model: Any, last: bool) -> Iterator[None]:
        """Around all passes of a step: gradients are exchanged in the last one only."""
        if last:
            yield
            return
        state = self.accelerator.gradient_state
        before = state.sync_gradients
        state._set_sync_gradients(False)
        try:
            with nullcontext() if self.is_deepspeed_enabled else self.accelerator.no_sync(model):
                yield
        finally:
            state._set_sync_gradients(before)

    def train(
        self, resume_from_checkpoint: str | bool | None = None, *arguments: Any, **options: Any
    ) -> Any:
        """See ``transformers.Trainer``; keeps the time."""
        if isinstance(resume_from_checkpoint, str):
            seconds = (Path(resume_from_checkpoint) / _SECONDS).read_text(encoding="utf-8")
            self._seconds_before = json.loads(seconds)
            self._steps_before = int(resume_from_checkpoint.rpartition("-")[2])
        self._begun = time.monotonic()
        return super().train(resume_from_checkpoint, *arguments, **options)

    def create_optimizer(self, *arguments: Any, **options: Any) -> Any:
        """See ``transformers.Trainer``; an unknown optimiser is a ``UsageError``."""
        with _said_in_a_sentence():
            return super().create_optimizer(*arguments, **options)

    def create_scheduler(self, *arguments: Any, **options: Any) -> Any:
        """See ``transformers.Trainer``; an impossible schedule is a ``UsageError``."""
        with _said_in_a_sentence():
            return super().create_scheduler(*arguments, **options)

    def seconds(self) -> float:
        """Seconds of training; of interrupted runs, those up to their last checkpoint."""
        return self._seconds_before + time.monotonic() - self._begun

    def cost(self) -> dict[str, float]:
        """``steps``, ``tokens``, ``flops`` and ``seconds`` so far, for ``cost.json``."""
        return {
            "steps": self.state.global_step,
            "tokens": self.state.num_input_tokens_seen,
            "flops": self.state.total_flos,
            "seconds": self.seconds(),
        }

    def gathered_weights(self) -> dict[str, torch.Tensor] | None:
        """Weights that are spread over devices, for every process to call; ``None`` if none are."""
        if not self.sharded:
            return None
        return _bare(self.accelerator.get_state_dict(self.model_wrapped))

    def scores(self) -> dict[str, dict[str, float]]:
        """Figures of the weights that are published, by split; {} without evaluations.

        To be called once, by process 0, when those weights are in the model.
        """
        return {}

    def published_step(self) -> int:
        """The optimiser step whose weights are published: the best, or else the last."""
        return self.state.best_global_step or self.state.global_step

    def best_checkpoint(self) -> Path | None:
        """Checkpoint folder of the weights that are published; ``None`` without evaluations.

        Raises:
            EncoderError: it is gone.
        """
        if not self.state.best_global_step:
            return None
        folder = checkpoints.folder_of(self.output, self.published_step())
        if not folder.is_dir():
            raise EncoderError(
                f"The best checkpoint, {folder}, is gone; restore it, or add --overwrite to start "
                "again."
            )
        return folder

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches in the order of their numbers; which process gets what is up to them."""
        workers = self.args.dataloader_num_workers
        batches: Any = self.train_dataset
        return DataLoader(
            batches,
            batch_size=1,
            collate_fn=_only,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            generator=torch.Generator(),  # the global one belongs to dropout
        )

    def get_batch_samples(
        self, epoch_iterator: Any, num_batches: int, device: torch.device
    ) -> tuple[list[Any], None]:
        """The batches of an optimiser step."""
        found = []
        for _ in range(num_batches):
            try:
                found.append(next(epoch_iterator))
            except StopIteration:
                break
        return found, None

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the cost so far; epochs are passes over the data, samples are queries."""
        if "loss" in logs:
            logs["tokens"] = self.state.num_input_tokens_seen
            logs["flops"] = self.state.total_flos
        if "train_runtime" in logs:  # of this session, while Transformers counts all steps
            rate = (self.state.global_step - self._steps_before) / logs["train_runtime"]
            logs["train_steps_per_second"] = round(rate, 3)
            logs["train_samples_per_second"] = round(rate * self._batch_size, 3)
        self.state.epoch = self.state.global_step / self._epoch_steps
        super().log(logs, start_time)

    def token_counts(self, inputs: Any) -> list[int]:
        """Tokens of every text that this process has in a batch."""
        raise NotImplementedError

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm)  # type: ignore[no-untyped-call]
        scaled = self.accelerator.scaler is not None or self.is_deepspeed_enabled
        if not scaled and norm is not None:  # a scaler skips such steps by itself
            require_finite_gradient(float(norm), self.state.global_step + 1)
        return norm

    def _track_num_input_tokens(self, inputs: Any) -> None:
        tokens = torch.tensor(sum(self.token_counts(inputs)), device=self.args.device)
        if processes() > 1:
            dist.all_reduce(tokens)
        self.state.num_input_tokens_seen += int(tokens)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        output, step = self.output, self.state.global_step
        folder = checkpoints.folder_of(output, step)
        if self.args.should_save:
            if not output.is_dir():
                raise EncoderError(
                    f"{output} was removed while the run was going; give the same command again."
                )
            checkpoints.record(output, step)
        try:
            super()._save_checkpoint(model, trial)
        except SafetensorError as error:  # it does not name the file
            raise EncoderError(
                f"Cannot write {folder}: {error}. Earlier checkpoints are good; make room, and "
                "give the same command again to resume."
            ) from None
        if processes() > 1:
            dist.barrier()
        if self.args.should_save:
            (folder / _SECONDS).write_text(json.dumps(self.seconds()), encoding="utf-8")
            checkpoints.seal(folder)
            checkpoints.rotate(output, self._keep, self.state.best_global_step)

    def _save(
        self, output_dir: str | None = None, state_dict: dict[str, torch.Tensor] | None = None
    ) -> None:
        if not self.args.should_save:
            return
        tensors = None if state_dict is None else _bare(state_dict)
        self._write(Path(output_dir) if output_dir else self.output, tensors)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self.sharded:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        training_state.load_weights(model or self.model, Path(resume_from_checkpoint))

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if self.sharded:
            super()._save_optimizer_and_scheduler(output_dir)
        elif self.args.should_save:
            training_state.save_optimizer(self.optimizer, Path(output_dir))
            training_state.save_scheduler(self.lr_scheduler, Path(output_dir))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if self.sharded:
            super()._load_optimizer_and_scheduler(checkpoint)
        elif checkpoint is not None:
            training_state.load_optimizer(self.optimizer, Path(checkpoint))
            training_state.load_scheduler(self.lr_scheduler, Path(checkpoint))

    def _save_scaler(self, output_dir: str) -> None:
        if self.accelerator.scaler is not None and self.args.should_save:
            training_state.save_scaler(self.accelerator.scaler, Path(output_dir))

    def _load_scaler(self, checkpoint: str | None) -> None:
        if self.accelerator.scaler is not None and checkpoint is not None:
            training_state.load_scaler(self.accelerator.scaler, Path(checkpoint))

    def _save_rng_state(self, output_dir: str) -> None:
        os.makedirs(output_dir, exist_ok=True)  # another process may be first here
        training_state.save_random_states(Path(output_dir), self.args.process_index)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            training_state.load_random_states(Path(checkpoint), self.args.process_index)


@contextmanager
def _said_in_a_sentence() -> Iterator[None]:
    """Turn what Transformers says of arguments that it cannot use into a ``UsageError``."""
    try:
        yield
    except (ImportError, NotImplementedError, TypeError, ValueError) as error:
        raise UsageError(f"trainer: {' '.join(str(error).split())}") from error


def _bare(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors by their names in the language model."""
    return {name.removeprefix(PREFIX): value for name, value in tensors.items()}


def _only(items: list[Any]) -> Any:
    (item,) = items
    return item
