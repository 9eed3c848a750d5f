"""The state of training in a checkpoint folder: weights, optimiser, schedule, random generators.

Nothing of it is pickled; sharded runs are apart, see :mod:`llm_encoders.train.base_trainer`.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from llm_encoders.errors import EncoderError

_OPTIMIZER, _GROUPS = "optimizer.safetensors", "optimizer.json"
_SCHEDULER, _SCALER = "scheduler.json", "scaler.json"


def load_weights(model: Any, folder: Path) -> None:
    """Put the weights of a checkpoint into a model, of every tower: an adapter's, or all."""
    for name, tower in model.towers.items():
        _load_tower(tower, folder / name)


def _load_tower(model: Any, folder: Path) -> None:
    from peft import set_peft_model_state_dict

    adapter = folder / "adapter_model.safetensors"
    if adapter.is_file():
        set_peft_model_state_dict(model.language_model, load_file(adapter))
        return
    paths = sorted(folder.glob("model*.safetensors"))
    tensors = {key: value for path in paths for key, value in load_file(path).items()}
    report = model.language_model.load_state_dict(tensors, strict=False)
    tied = set(getattr(model.language_model, "all_tied_weights_keys", None) or ())
    if report.unexpected_keys or set(report.missing_keys) - tied:
        odd = [*report.unexpected_keys, *report.missing_keys][0]
        raise EncoderError(f"The weights in {folder} do not fit the model, e.g. {odd}.")


def save_optimizer(optimizer: Any, folder: Path) -> None:
    """Write an optimiser's state as safetensors and JSON."""
    state = optimizer.state_dict()
    tensors: dict[str, torch.Tensor] = {}
    rest: dict[str, Any] = {}
    for index, values in state["state"].items():
        for path, value in _leaves(values):
            name = "/".join((str(index), *path))
            if isinstance(value, torch.Tensor):
                tensors[name] = value.detach().clone()  # 8-bit optimisers share some
            else:
                rest[name] = value
    save_file(tensors, folder / _OPTIMIZER)
    groups = {"param_groups": state["param_groups"], "rest": rest}
    (folder / _GROUPS).write_text(json.dumps(groups), encoding="utf-8")


def _leaves(values: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Values of a nested dictionary with their paths; 8-bit optimisers nest theirs."""
    for name, value in values.items():
        if isinstance(value, dict):
            for path, leaf in _leaves(value):
                yield (name, *path), leaf
        else:
            yield (name,), value


def load_optimizer(optimizer: Any, folder: Path) -> None:
    """Restore what :func:`save_optimizer` wrote."""
    groups = json.loads((folder / _GROUPS).read_text(encoding="utf-8"))
    state: dict[int, dict[str, Any]] = {}
    for values in (load_file(folder / _OPTIMIZER), groups["rest"]):
        for key, value in values.items():
            index, *path, name = key.split("/")
            place = state.setdefault(int(index), {})
            for part in path:
                place = place.setdefault(part, {})
            place[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": groups["param_groups"]})


def save_scheduler(scheduler: Any, folder: Path) -> None:
    """Write a learning-rate schedule's state as JSON."""
    state = {
        key: value
        for key, value in scheduler.state_dict().items()
        if isinstance(value, int | float | list | bool)
    }
    state.pop("lr_lambdas", None)
    (folder / _SCHEDULER).write_text(json.dumps(state), encoding="utf-8")


def load_scheduler(scheduler: Any, folder: Path) -> None:
    """Restore what :func:`save_scheduler` wrote."""
    state = json.loads((folder / _SCHEDULER).read_text(encoding="utf-8"))
    scheduler.load_state_dict({**scheduler.state_dict(), **state})


def save_scaler(scaler: Any, folder: Path) -> None:
    """Write the state of float16's gradient scaler as JSON."""
    (folder / _SCALER).write_text(json.dumps(scaler.state_dict()), encoding="utf-8")


def load_scaler(scaler: Any, folder: Path) -> None:
    """Restore what :func:`save_scaler` wrote."""
    scaler.load_state_dict(json.loads((folder / _SCALER).read_text(encoding="utf-8")))


def save_random_states(folder: Path, rank: int) -> None:
    """Write the states of this process's random generators."""
    version, words, gauss = random.getstate()
    kind, keys, position, has_gauss, cached = np.random.get_state()
    tensors = {
        "numpy": torch.from_numpy(np.asarray(keys, dtype=np.int64)),
        "torch": torch.random.get_rng_state(),
    }
    if torch.cuda.is_available():
        tensors["cuda"] = torch.cuda.get_rng_state()
    plain = {
        "python": [version, list(words), gauss],
        "numpy": [str(kind), int(position), int(has_gauss), float(cached)],
    }
    save_file(tensors, folder / f"random-{rank}.safetensors", {"plain": json.dumps(plain)})


def load_random_states(folder: Path, rank: int) -> None:
    """Restore what :func:`save_random_states` wrote; other processes' states do not fit."""
    path = folder / f"random-{rank}.safetensors"
    if not path.is_file():
        return
    from safetensors import safe_open

    with safe_open(path, framework="pt") as stream:
        plain = json.loads(stream.metadata()["plain"])
    tensors = load_file(path)
    version, words, gauss = plain["python"]
    random.setstate((version, tuple(words), gauss))
    kind, position, has_gauss, cached = plain["numpy"]
    keys = tensors["numpy"].numpy().astype(np.uint32)
    np.random.set_state((kind, keys, position, has_gauss, cached))
    torch.random.set_rng_state(tensors["torch"])
    if "cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["cuda"])
