"""The training formulas written a second time, in float64 and without the package.

A Llama with LoRA, the two heads, the losses, the regularisers and plain gradient descent, one text
and one query at a time. Nothing here is fast; everything here is meant to be read beside the paper.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoTokenizer

from tests.llm_encoders.conftest import BACKBONE

CONFIG = json.loads((BACKBONE / "config.json").read_text(encoding="utf-8"))
RANK, ALPHA = 4, 12
TARGETS = {"q_proj": "self_attn", "v_proj": "self_attn", "down_proj": "mlp"}


class Llama:
    """The shipped backbone with a LoRA adapter of its own, in float64.

    Args:
        adapter: folder with ``adapter_model.safetensors``.
    """

    def __init__(self, adapter: Path) -> None:
        saved = load_file(BACKBONE / "model.safetensors")
        self.weights = {name.removeprefix("model."): w.double() for name, w in saved.items()}
        self.head = self.weights["embed_tokens.weight"]  # tied
        self.trained = read_adapter(adapter)
        for tensor in self.trained.values():
            tensor.requires_grad_()

    def linear(self, name: str, x: Tensor) -> Tensor:
        result = x @ self.weights[f"{name}.weight"].T
        if f"{name}.lora_A" in self.trained:
            down, up = self.trained[f"{name}.lora_A"], self.trained[f"{name}.lora_B"]
            result = result + x @ down.T @ up.T * (ALPHA / RANK)
        return result

    def norm(self, name: str, x: Tensor) -> Tensor:
        mean_square = x.square().mean(-1, keepdim=True)
        return x / (mean_square + CONFIG["rms_norm_eps"]).sqrt() * self.weights[name]

    def states(self, ids: Sequence[int], causal: bool = False) -> Tensor:
        """Last hidden states of one text, [tokens, hidden]."""
        heads, size = CONFIG["num_attention_heads"], CONFIG["head_dim"]
        x = self.weights["embed_tokens.weight"][list(ids)]
        half = torch.arange(0, size, 2, dtype=torch.float64)
        frequency = CONFIG["rope_parameters"]["rope_theta"] ** (-half / size)
        angle = torch.arange(len(ids), dtype=torch.float64)[:, None] * frequency
        cos, sin = (f(torch.cat([angle, angle], 1)) for f in (torch.cos, torch.sin))

        def rotate(t: Tensor) -> Tensor:
            t = t.view(len(ids), heads, size).transpose(0, 1)
            turned = torch.cat([-t[..., size // 2 :], t[..., : size // 2]], -1)
            return t * cos + turned * sin

        for number in range(CONFIG["num_hidden_layers"]):
            at = f"layers.{number}"
            y = self.norm(f"{at}.input_layernorm.weight", x)
            q, k = (rotate(self.linear(f"{at}.self_attn.{one}_proj", y)) for one in "qk")
            v = self.linear(f"{at}.self_attn.v_proj", y).view(len(ids), heads, size).transpose(0, 1)
            scores = q @ k.transpose(1, 2) / math.sqrt(size)
            if causal:
                later = torch.ones(len(ids), len(ids), dtype=torch.bool).triu(1)
                scores = scores.masked_fill(later, -math.inf)
            y = (scores.softmax(-1) @ v).transpose(0, 1).reshape(len(ids), heads * size)
            x = x + self.linear(f"{at}.self_attn.o_proj", y)
            y = self.norm(f"{at}.post_attention_layernorm.weight", x)
            gate = torch.nn.functional.silu(self.linear(f"{at}.mlp.gate_proj", y))
            x = x + self.linear(f"{at}.mlp.down_proj", gate * self.linear(f"{at}.mlp.up_proj", y))
        return self.norm("norm.weight", x)

    def sparse(self, ids: Sequence[int]) -> Tensor:
        """log(1 + relu(largest logit × hidden^-0.25)), [vocabulary]."""
        logits = self.states(ids) @ self.head.T * CONFIG["hidden_size"] ** -0.25
        return torch.log(1 + logits.max(0).values.clamp(min=0))

    def dense(self, ids: Sequence[int]) -> Tensor:
        """Mean of the token states, each of length 1, [hidden]."""
        states = self.states(ids)
        return (states / states.norm(dim=1, keepdim=True)).mean(0)


class Towers:
    """Two of them that begin alike: one for queries, whose ids :func:`marked` marks, and one for
    passages."""

    def __init__(self, adapter: Path) -> None:
        self.query, self.passage = Llama(adapter), Llama(adapter)
        self.trained = {
            **{f"query {name}": tensor for name, tensor in self.query.trained.items()},
            **self.passage.trained,
        }

    def sparse(self, ids: Sequence[int]) -> Tensor:
        return self.query.sparse(ids[1:]) if ids[0] == MARK else self.passage.sparse(ids)

    def dense(self, ids: Sequence[int]) -> Tensor:
        return self.query.dense(ids[1:]) if ids[0] == MARK else self.passage.dense(ids)


MARK = -1


@dataclass(frozen=True)
class Query:
    """A query with its passages, all as token ids; passages by name for what is known of them."""

    ids: tuple[int, ...]
    names: list[str]
    """Of its passages, the positive first."""
    passages: list[tuple[int, ...]]
    teacher: list[float]


def marked(batch: "list[Query]") -> "list[Query]":
    """The same, with a mark before the ids of every query."""
    return [replace(one, ids=(MARK, *one.ids)) for one in batch]


@dataclass(frozen=True)
class Objective:
    """Weights and temperatures of a recipe, as it gives them."""

    contrastive: float = 0.0
    kl: float = 0.0
    margin_mse: float = 0.0
    temperature: float = 1.0
    teacher_temperature: float = 1.0
    queries: float = 0.0
    passages: float = 0.0
    known_positives: bool = False
    """Whether passages that are relevant to a query count as its negatives."""
    in_batch: bool = True
    """Whether passages of other queries do."""
    regulariser: Callable[[list[Tensor]], Tensor] = field(default=lambda vectors: flops(vectors))

    def parts(
        self,
        encode: Callable[[tuple[int, ...]], Tensor],
        batch: list[Query],
        random: Sequence[tuple[str, tuple[int, ...]]] = (),
    ) -> dict:
        """Every part's unweighted value; ``random``: names and ids of negatives of all queries."""
        encode = cache(encode)
        questions = [encode(one.ids) for one in batch]
        texts = [[encode(ids) for ids in one.passages] for one in batch]
        everything = [(n, v) for o, vs in zip(batch, texts, strict=True)
                      for n, v in zip(o.names, vs, strict=True)]  # fmt: skip
        first_random = len(everything)
        everything += [(name, encode(ids)) for name, ids in random]
        found: dict[str, list[Tensor]] = {"contrastive": [], "kl": [], "squares": []}
        place = 0
        for one, question, own in zip(batch, questions, texts, strict=True):
            scores = [question @ vector / self.temperature for vector in own]
            others = [
                question @ vector / self.temperature
                for number, (name, vector) in enumerate(everything)
                if number != place
                and (self.known_positives or name != one.names[0])
                and (self.in_batch or place <= number < place + len(own) or number >= first_random)
            ]
            place += len(own)
            found["contrastive"].append(-torch.log(share(scores[0], [scores[0], *others])))
            teacher = [torch.tensor(t / self.teacher_temperature).double() for t in one.teacher]
            divergence = torch.zeros((), dtype=torch.float64)
            for score, wanted in zip(scores, teacher, strict=True):
                p, q = share(wanted, teacher), share(score, scores)
                divergence = divergence + p * torch.log(p / q)
            found["kl"].append(divergence)
            for score, wanted in zip(scores[1:], teacher[1:], strict=True):
                margin, goal = scores[0] - score, teacher[0] - wanted
                found["squares"].append((margin - goal) ** 2)
        mean = {name: torch.stack(values).mean() for name, values in found.items()}
        return {
            "contrastive": mean["contrastive"],
            "kl": mean["kl"],
            "margin_mse": mean["squares"],
            "query_regularisation": self.regulariser(questions),
            "passage_regularisation": self.regulariser([vector for _, vector in everything]),
        }

    def total(self, parts: dict[str, Tensor], ramp: float) -> Tensor:
        return (
            self.contrastive * parts["contrastive"]
            + self.kl * parts["kl"]
            + self.margin_mse * parts["margin_mse"]
            + ramp * self.queries * parts["query_regularisation"]
            + ramp * self.passages * parts["passage_regularisation"]
        )


def share(score: Tensor, among: list[Tensor]) -> Tensor:
    """Softmax probability of a score among those given."""
    return 1 / torch.stack([torch.exp(other - score) for other in among]).sum()


def flops(vectors: list[Tensor], factor: Tensor | float = 1.0) -> Tensor:
    """Sum over terms of the squared mean weight."""
    return ((sum(vectors) / len(vectors) * factor) ** 2).sum()


def l1(vectors: list[Tensor]) -> Tensor:
    """Mean over texts of the sum of weights."""
    return sum(vector.abs().sum() for vector in vectors) / len(vectors)


def descend(trained: dict[str, Tensor], loss: Tensor, rate: float, clip: float = 1.0) -> float:
    """One step of gradient descent without weight decay; the norm before it was clipped."""
    gradients = torch.autograd.grad(loss, list(trained.values()))
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
    with torch.no_grad():
        for tensor, gradient in zip(trained.values(), gradients, strict=True):
            tensor -= rate * gradient * min(1.0, clip / (norm + 1e-6))
    return norm


def write_adapter(folder: Path, dropout: float = 0.0) -> Path:
    """A LoRA adapter of the backbone, both of whose factors differ from zero."""
    generator = torch.Generator().manual_seed(3)
    hidden, inner = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    shapes = {"q_proj": (hidden, hidden), "v_proj": (hidden, hidden), "down_proj": (hidden, inner)}
    tensors = {}
    for number in range(CONFIG["num_hidden_layers"]):
        for name, block in TARGETS.items():
            at = f"base_model.model.model.layers.{number}.{block}.{name}"
            rows, columns = shapes[name]
            tensors[f"{at}.lora_A.weight"] = torch.randn(RANK, columns, generator=generator) / 16
            tensors[f"{at}.lora_B.weight"] = torch.randn(rows, RANK, generator=generator) / 50
    folder.mkdir(parents=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    values = {
        **{"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "lora_dropout": dropout},
        **{"target_modules": sorted(TARGETS), "base_model_name_or_path": str(BACKBONE)},
    }
    (folder / "adapter_config.json").write_text(json.dumps(values), encoding="utf-8")
    return folder


def read_adapter(folder: Path) -> dict[str, Tensor]:
    """float64 tensors by their name in the decoder, such as ``layers.0.mlp.down_proj.lora_A``."""
    saved = load_file(folder / "adapter_model.safetensors")
    return {name[name.index("layers.") :].removesuffix(".weight"): t.double()
            for name, t in saved.items()}  # fmt: skip


@cache
def tokens(text: str, length: int) -> tuple[int, ...]:
    """BOS and the tokens of a text, cut after ``length``."""
    return tuple(AutoTokenizer.from_pretrained(BACKBONE)(text)["input_ids"][:length])


def logged(folder: Path) -> list[dict]:
    """The lines of a run that are about a step."""
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [line for line in map(json.loads, lines) if "loss" in line]


def assert_same_change(before: dict, wanted: dict, folder: Path) -> None:
    """That training has changed every tensor as it should, but for rounding to float32."""
    found = read_adapter(folder)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        change = (value.detach() - before[name]).norm()
        error = (found[name] - value.detach()).norm()
        assert change > 0 and error <= 2e-5 * change + 2e-7 * value.norm(), (name, error, change)


def write_recipe(path: Path, values: dict) -> Path:
    """A recipe as YAML."""
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path
