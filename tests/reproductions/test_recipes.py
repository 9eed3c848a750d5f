"""All recipes parse, differ only where the paper's do, and run with a tiny backbone."""

import json
from pathlib import Path

import pytest
import yaml

from llm_encoders import load_encoder
from llm_encoders.distill_query.recipe.recipe import DistillRecipe
from llm_encoders.train.recipe.file import load_recipe, read_recipe
from llm_encoders.train.run import run
from tests.llm_encoders.conftest import BACKBONE, TOPICS, write_lines

FOLDER = Path(__file__).parents[2] / "reproductions" / "recipes"
RECIPES = sorted(FOLDER.glob("*.yaml"))
DISTILLED = [path for path in RECIPES if "\nteacher: " in path.read_text(encoding="utf-8")]
PAPER = [path for path in RECIPES if path.name.startswith("llama-3")]


def test_there_are_all_of_the_paper():
    stages = [load_recipe(path).stage for path in PAPER]
    assert stages.count("mntp") == 3 and stages.count("fine-tune") == 18


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_carries_its_launch_command(path):
    first = path.read_text(encoding="utf-8").splitlines()[0]
    command = "distill_query" if path in DISTILLED else "train"
    assert (
        first.startswith("# ")
        and f"-m llm_encoders.{command} reproductions/recipes/{path.name}" in first
    )


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_parses(path):
    if path not in DISTILLED:
        assert load_recipe(path).backbone
        return
    recipe = read_recipe(DistillRecipe, path)
    assert recipe.teacher.startswith(("llm-", "runs/scalingnote/"))
    assert bool(recipe.losses.chosen) == recipe.trains


def test_neighbours_differ_only_where_the_paper_does():
    def values(name):
        return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))

    def differing(one, other):
        one, other = values(one), values(other)
        return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}

    for scale in ("llama-3.2-1b", "llama-3.2-3b", "llama-3-8b"):
        for objective in ("contrastive", "distillation", "both"):
            assert differing(f"{scale}-sparse-{objective}", f"{scale}-dense-{objective}") == {
                *("output", "encoder", "regularisation"),
            }
        assert differing(f"{scale}-sparse-contrastive", f"{scale}-sparse-both") == {
            *("output", "objective"),
        }
        assert differing(f"{scale}-sparse-contrastive", f"{scale}-sparse-distillation") == {
            *("output", "objective", "data", "schedule"),
        }
    for kind in ("mntp", "sparse-contrastive", "dense-distillation", "sparse-both"):
        found = differing(f"llama-3.2-1b-{kind}", f"llama-3-8b-{kind}")
        assert found <= {"backbone", "start_from", "output", "schedule"}


def test_candidates_stay_constant_across_scales():
    recipes = [load_recipe(path) for path in PAPER if path.stem.endswith(("contrastive", "both"))]
    compared = {
        recipe.schedule.candidates or recipe.schedule.queries * (recipe.data.negatives + 1)
        for recipe in recipes
    }
    assert compared == {1904} and len(recipes) == 12


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Training data in the two layouts that the recipes name."""
    folder = tmp_path_factory.mktemp("data")
    names = list(TOPICS)
    corpus = "".join(f"{name}\t{text}\n" for name, text in TOPICS.items())
    (folder / "collection.tsv").write_text(corpus, encoding="utf-8")
    combined, distillation = [], []
    for number, name in enumerate(names):
        others = names[:number] + names[number + 1 :]
        combined.append(
            {
                **{"question": f"what about {name}", "pos_pid": name, "neg_pids": others},
                **{"pos_score": 3.0, "neg_scores": [0.0] * len(others)},
            }
        )
        scores = [3.0] + [0.0] * len(others)
        distillation.append(
            {"query": f"what about {name}", "docids": [name, *others], "scores": scores}
        )
    write_lines(folder / "combined.jsonl", combined)
    write_lines(folder / "distillation.jsonl", distillation)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("path", PAPER, ids=lambda path: path.stem)
def test_a_recipe_runs_with_a_tiny_backbone(files, tmp_path, path):
    recipe = load_recipe(path)
    output = tmp_path / "run"
    words = [f"backbone={BACKBONE}", f"output={output}", "schedule.steps=2", "device=cpu"]
    words += ["schedule.queries=4", "trainer={logging_steps: 1, disable_tqdm: true}"]
    if recipe.stage == "mntp":
        words += [f"data.train={files / 'collection.tsv'}", "mntp.max_length=16"]
    else:
        name = "distillation" if recipe.objective.margin_mse else "combined"
        words += [f"data.train={files / name}.jsonl", f"data.corpus={files / 'collection.tsv'}"]
        words += ["start_from=null"]
    run(load_recipe(path, words))
    assert json.loads((output / "cost.json").read_text())["steps"] == 2
    if recipe.stage == "fine-tune":
        encoder = load_encoder(str(output))
        assert encoder.config.paradigm == recipe.encoder.paradigm
        assert encoder.config.temperature == recipe.encoder.temperature
