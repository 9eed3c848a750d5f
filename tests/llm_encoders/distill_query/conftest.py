"""Small random teachers, queries, and a recipe of a few steps."""

from pathlib import Path

import pytest
import yaml

from tests.llm_encoders.conftest import QUESTIONS, TOPICS, write_lines
from tests.llm_encoders.distill_query.small import write_teacher

WORDS = [word for text in TOPICS.values() for word in text.rstrip(".").split()]


@pytest.fixture(scope="session")
def teachers(tmp_path_factory) -> dict[str, Path]:
    """Folders of a dense and a sparse teacher of four layers."""
    folder = tmp_path_factory.mktemp("teachers")
    return {name: write_teacher(folder / name, name) for name in ("dense", "sparse")}


@pytest.fixture
def queries(tmp_path) -> Path:
    """Twenty different queries."""
    texts = [question for asked in QUESTIONS.values() for question in asked]
    texts += [" ".join(WORDS[n : n + 3]) for n in range(20 - len(texts))]
    return write_lines(
        tmp_path / "queries.jsonl", [{"_id": str(n), "text": text} for n, text in enumerate(texts)]
    )


@pytest.fixture
def recipe_of(tmp_path, teachers, queries):
    """Write a recipe for a teacher of this paradigm; keyword arguments replace its keys."""

    def write(paradigm: str = "dense", **changes) -> Path:
        losses = {"mse": 1, "cosine": 1} if paradigm == "dense" else {"log_mse": 1}
        values = {
            "teacher": str(teachers[paradigm]),
            "output": str(tmp_path / "run"),
            "student": {"kind": "layers", "layers": 2},
            "queries": {"source": str(queries)},
            "losses": losses,
            "schedule": {"steps": 4, "queries": 4, "learning_rate": 1e-2, "warmup": 0},
            "held_out": 0.2,
            "saving": {"every": 2},
            "device": "cpu",
            "trainer": {"logging_steps": 1, "disable_tqdm": True},
        }
        for key, value in changes.items():
            merge = isinstance(value, dict) and key in ("schedule", "saving", "trainer")
            values[key] = {**values[key], **value} if merge else value
        path = tmp_path / f"recipe-{len(list(tmp_path.glob('recipe-*')))}.yaml"
        path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
        return path

    return write
