"""A small real training set, and a recipe over the backbone that ships with the package."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from huggingface_hub.utils import filter_repo_objects

import llm_encoders

BACKBONE = Path(llm_encoders.__file__).parent / "models" / "tiny" / "backbone"


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """A folder that stands for the Hub: ``ORGANISATION/REPOSITORY``, fetched by the patterns.

    The current folder is another one, so that names are those of repositories.
    """
    repositories, cache = tmp_path / "hub", tmp_path / "cache"

    def snapshot_download(repo_id: str, allow_patterns, ignore_patterns, **_) -> str:
        source = repositories / repo_id
        if not source.is_dir():
            raise FileNotFoundError(f"no repository {repo_id}")
        names = [str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()]
        for name in filter_repo_objects(
            names, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns
        ):
            (cache / repo_id / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, cache / repo_id / name)
        return str(cache / repo_id)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    for folder in (repositories, tmp_path / "elsewhere"):
        folder.mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return repositories


TOPICS = {
    "statins": "Statins lower cholesterol by inhibiting an enzyme of the liver.",
    "cats": "Cats sleep most of the day and hunt at dawn.",
    "trains": "Trains run on rails, which guide their wheels.",
    "bread": "Bread is baked from flour, water, salt and yeast.",
    "rain": "Rain falls when droplets in clouds grow heavy enough.",
    "chess": "Chess is played on sixty-four squares by two players, each with sixteen pieces.",
}
QUESTIONS = {
    "statins": ["what do statins do", "drugs against cholesterol"],
    "cats": ["when do cats hunt"],
    "trains": ["why do trains stay on rails", "rails"],
    "bread": ["ingredients of bread"],
    "rain": ["why does rain fall"],
    "chess": ["how many pieces has a chess player", "squares of a chess board"],
}


def write_lines(path: Path, records: list[dict]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.fixture
def beir(tmp_path) -> Path:
    """A collection in BEIR layout whose queries all have one relevant document."""
    folder = tmp_path / "collection"
    (folder / "qrels").mkdir(parents=True)
    write_lines(
        folder / "corpus.jsonl",
        [{"_id": name, "title": name, "text": text} for name, text in TOPICS.items()],
    )
    pairs = [(f"{t}{i}", t, q) for t, asked in QUESTIONS.items() for i, q in enumerate(asked)]
    write_lines(folder / "queries.jsonl", [{"_id": q, "text": text} for q, _, text in pairs])
    for split in ("train", "dev", "test"):
        lines = ["query-id\tcorpus-id\tscore", *(f"{q}\t{t}\t1" for q, t, _ in pairs)]
        (folder / "qrels" / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def scored(tmp_path, beir) -> Path:
    """The same queries with negatives and teacher scores, some with fewer negatives."""
    names = list(TOPICS)
    records = []
    for number, (topic, asked) in enumerate(QUESTIONS.items()):
        others = [name for name in names if name != topic][: 2 + number % 3]
        for question in asked:
            records.append(
                {
                    "question": question,
                    "pos_pid": topic,
                    "neg_pids": others,
                    "pos_score": 5.0,
                    "neg_scores": [float(i) - 1 for i in range(len(others))],
                }
            )
    return write_lines(tmp_path / "scored.jsonl", records)


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> Path:
    """Data and adapter of the run that :mod:`small_run` describes."""
    from tests.llm_encoders.train import small_run

    return small_run.write_files(tmp_path_factory.mktemp("small"))


@pytest.fixture
def recipe_file(tmp_path, beir, scored):
    """Write a recipe; keyword arguments replace its keys."""

    def write(**changes) -> Path:
        values = {
            "backbone": str(BACKBONE),
            "output": str(tmp_path / "run"),
            "encoder": {"paradigm": "sparse", "logit_scale": 1.0},
            "objective": {"contrastive": 1.0},
            "regularisation": {"queries": 0.001, "passages": 0.001},
            "data": {"train": str(scored), "corpus": str(beir / "corpus.jsonl"), "negatives": 3},
            "schedule": {"steps": 3, "queries": 4, "learning_rate": 1e-3, "chunk_tokens": 64},
            "saving": {"every": 100},
            "device": "cpu",
            "trainer": {"logging_steps": 1, "disable_tqdm": True},
        }
        for key, value in changes.items():
            both = isinstance(value, dict) and isinstance(values.get(key), dict)
            values[key] = {**values[key], **value} if both else value
        if values["encoder"]["paradigm"] == "dense":
            values["encoder"].pop("logit_scale", None)
        path = tmp_path / f"recipe-{len(list(tmp_path.glob('recipe-*')))}.yaml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return path

    return write


@pytest.fixture
def published(shared_data, monkeypatch):
    """The folder that holds organisations, as the current one; the texts."""
    folder = shared_data / "checkpoints"
    monkeypatch.chdir(folder)
    return json.loads((folder / "texts.json").read_text(encoding="utf-8"))


def vectors(encoder, texts):
    """Vectors of ``texts``'s queries and documents, those of sparse encoders as dense arrays."""
    found = encoder.encode_queries(texts["queries"]), encoder.encode_documents(texts["documents"])
    return [one.toarray() if hasattr(one, "toarray") else one for one in found]
