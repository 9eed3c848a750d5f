"""A run so small that :mod:`formula` can follow it step by step: data, recipe, batch."""

from pathlib import Path

from tests.llm_encoders.conftest import BACKBONE, write_lines
from tests.llm_encoders.train import formula

PASSAGES = {
    "statins": "Statins lower cholesterol by inhibiting an enzyme of the liver.",
    "cats": "Cats sleep most of the day and hunt at dawn.",
    "trains": "Trains run on rails, which guide their wheels.",
    "bread": "Bread is baked from flour, water, salt and yeast.",
    "rain": "Rain falls when droplets in clouds grow heavy enough.",
}
RECORDS = [  # two queries share a positive; the third has fewer negatives
    ("what do statins do in the liver", "statins", ["cats", "rain"], 5.0, [-1.5, 2.0]),
    ("drugs against cholesterol and for the heart", "statins", ["bread", "cats"], 3.5, [1.0, -4.0]),
    ("when do cats of the neighbours hunt", "cats", ["trains"], 0.5, [1.5]),
    ("why do trains stay on their rails", "trains", ["rain", "statins"], 4.0, [0.25, -3.0]),
]
QUERY_LENGTH, PASSAGE_LENGTH = 5, 9  # shorter than the texts and than the contract
STEPS, RAMP_STEPS, RATE = 4, 3, 0.1


def write_files(folder: Path) -> Path:
    """Training data and an adapter to start from."""
    corpus = [{"_id": name, "title": "", "text": text} for name, text in PASSAGES.items()]
    keys = ("question", "pos_pid", "neg_pids", "pos_score", "neg_scores")
    write_lines(folder / "corpus.jsonl", corpus)
    write_lines(folder / "train.jsonl", [dict(zip(keys, one, strict=True)) for one in RECORDS])
    formula.write_adapter(folder / "adapter")
    return folder


def values(files: Path, output: Path, **changes) -> dict:
    """A recipe in which every number differs from its default and from its neighbours."""
    recipe = {
        "backbone": str(BACKBONE),
        "start_from": str(files / "adapter"),
        "output": str(output),
        "encoder": {"paradigm": "sparse", "temperature": 1.7},
        "objective": {
            "contrastive": 0.6,
            "kl": 0.3,
            "margin_mse": 0.02,
            "teacher_temperature": 2.5,
        },
        "regularisation": {"queries": 0.3, "passages": 0.11, "ramp": RAMP_STEPS / STEPS},
        "data": {
            "train": str(files / "train.jsonl"),
            "corpus": str(files / "corpus.jsonl"),
            "negatives": 2,
            "query_max_length": QUERY_LENGTH,
            "passage_max_length": PASSAGE_LENGTH,
        },
        "schedule": {
            **{"steps": STEPS, "queries": len(RECORDS), "learning_rate": RATE, "warmup": 0.25},
            "chunk_tokens": 40,
        },
        "saving": {"every": 100},
        "device": "cpu",
        "trainer": {"logging_steps": 1, "disable_tqdm": True, "optim": "sgd"},
    }
    for key, change in changes.items():
        recipe[key] = {**recipe[key], **change} if isinstance(change, dict) else change
    return recipe


def batch() -> list[formula.Query]:
    """All queries."""
    return [
        formula.Query(
            formula.tokens(question, QUERY_LENGTH),
            [positive, *negatives],
            [formula.tokens(PASSAGES[name], PASSAGE_LENGTH) for name in (positive, *negatives)],
            [score, *scores],
        )
        for question, positive, negatives, score, scores in RECORDS
    ]


def objective(recipe: dict, regulariser=formula.flops) -> formula.Objective:
    """The objective of a recipe."""
    given = recipe["regularisation"] or {"queries": 0.0, "passages": 0.0}
    weights = {key: value for key, value in recipe["objective"].items() if key != "loss_scaling"}
    return formula.Objective(
        **weights,
        temperature=recipe["encoder"]["temperature"],
        queries=given["queries"],
        passages=given["passages"],
        regulariser=regulariser,
    )
