"""The page on training: the recipes of the paper, their files and their commands."""

from pathlib import Path

from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.recipe.recipe import Recipe
from reproductions.pages.collections import COLLECTION, fetch
from reproductions.pages.log import log
from reproductions.pages.markdown import block, table
from reproductions.pages.templates import render

FOLDER = Path(__file__).parents[1] / "recipes"
_PROCESSES = 4
_SCALES = ("llama-3.2-1b", "llama-3.2-3b", "llama-3-8b")
_CODE = "https://github.com/HansiZeng/scaling-retriever"
_DRIVE = "https://drive.google.com/drive/folders/1KVbSr7yO6Uig6YEJeSBHgrRMLcEhGOc9"
_OTHERS = {
    "small.yaml": "[README](../README.md#training)",
    "scalingnote-stage1-*.yaml": "[README](../README.md#training)",
    "scalingnote-*.yaml, lightretriever-lookup.yaml": "[ScalingNote](scalingnote.md)",
    "scratch-*.yaml": "[a small Llama from random weights](scratch/README.md)",
    "tiny-*.yaml": "[the tiny models](tiny/README.md)",
}


def paper_recipes() -> list[Path]:
    """MNTP and the eighteen recipes, scale by scale."""
    return [
        path
        for scale in _SCALES
        for path in sorted(
            FOLDER.glob(f"{scale}-*.yaml"), key=lambda p: ("mntp" not in p.name, p.name)
        )
    ]


def page() -> str:
    """The page."""
    recipes = {path: load_recipe(path) for path in paper_recipes()}
    tuned = {path: one for path, one in recipes.items() if one.stage == "fine-tune"}
    head = ("recipe", "objective", "steps", "queries a step", "candidates", "data")
    commands = [
        f"### {scale}\n\n{block(launch(path) for path in recipes if path.name.startswith(scale))}"
        for scale in _SCALES
    ]
    use = (
        "python -m pyserini.encode --encoder runs/llama-3-8b-sparse-both --corpus "
        "msmarco/collection.tsv --embeddings indexes/mine --to-lucene"
    )
    return render(
        "training",
        "reproductions/recipes",
        files=_files(recipes),
        code=_CODE,
        download=block(fetch(COLLECTION, "msmarco")),
        recipes=table(head, [_row(path, one) for path, one in tuned.items()]),
        common=_common(list(tuned.values())),
        commands="\n".join(commands),
        use=block([use]),
        others=table(("recipes", "page"), [(f"`{name}`", link) for name, link in _OTHERS.items()]),
        log=log("training.md"),
    )


def launch(path: Path) -> str:
    """The command that runs a recipe on several GPUs."""
    return (
        f"torchrun --nproc-per-node {_PROCESSES} -m llm_encoders.train reproductions/recipes/"
        f"{path.name}"
    )


def _common(recipes: list[Recipe]) -> str:
    """What the recipes share."""
    ((rate, warmup, queries, passages),) = {
        (
            one.schedule.learning_rate,
            one.schedule.warmup,
            one.encoder.query_max_length,
            one.data.passage_max_length,
        )
        for one in recipes
    }
    return (
        f"learning rate {rate:g} with {warmup:.0%} of warm-up, queries of at most {queries} "
        f"tokens, passages of at most {passages}"
    )


def _row(path: Path, recipe: Recipe) -> tuple[str, ...]:
    weights = recipe.objective
    named = {
        "contrastive": weights.contrastive,
        "KL": weights.kl,
        "MarginMSE": weights.margin_mse,
    }
    objective = " + ".join(f"{value:g} {name}" for name, value in named.items() if value)
    schedule = recipe.schedule
    return (
        f"[`{path.stem}`](recipes/{path.name})",
        objective.replace("1 ", "") if " + " not in objective else objective,
        f"{schedule.steps:,}",
        f"{schedule.queries:,}",
        f"{schedule.candidates:,}" if schedule.candidates else "its own passages",
        f"`{Path(str(recipe.data.train)).name}`",
    )


_LAYOUTS = {
    "collection.tsv": ("passages: id, tab, text", f"[`{COLLECTION.name}`]({COLLECTION.url})"),
    "msmarco_train_teacher_scores.jsonl": (
        "`question`, `pos_pid`, `neg_pids`, `pos_score`, `neg_scores`",
        f"[the paper's folder]({_DRIVE})",
    ),
    "msmarco_qrel_added_query_teacher_scores.jsonl": (
        "`query`, `docids` with the positive first, `scores`",
        f"[the paper's folder]({_DRIVE})",
    ),
}


def _files(recipes: dict[Path, Recipe]) -> str:
    """The files that recipes read, with the kinds of recipes that do."""
    users: dict[str, dict[str, None]] = {}
    for path, recipe in recipes.items():
        kind = path.stem.rpartition("-")[2]
        for name in (recipe.data.train, recipe.data.corpus):
            if name is not None:
                users.setdefault(Path(name).name, {})[kind] = None
    assert users.keys() == _LAYOUTS.keys()
    checksums = {"collection.tsv": f"archive: `{COLLECTION.md5}`"}
    return table(
        ("file", "read by", "what is in it", "from", "MD5"),
        [
            (f"`{name}`", ", ".join(kinds), *_LAYOUTS[name], checksums.get(name, "not known"))
            for name, kinds in users.items()
        ],
    )
