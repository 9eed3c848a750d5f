"""The study of the scaling laws: its grid, its family, its texts, and the runner of its cells."""

import gzip
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from llm_encoders.errors import UsageError
from llm_encoders.evaluation.collection import Collection
from llm_encoders.evaluation.evaluate import evaluate
from llm_encoders.train.recipe.file import load_recipe
from tests.conftest import REPOSITORY
from tests.llm_encoders.conftest import beir  # noqa: F401
from tests.llm_encoders.distill_query.small import write_teacher

FOLDER = REPOSITORY / "reproductions" / "scaling"
NAMES = ("run", "results", "study", "measure", "texts", "family", "bpe", "data")


@pytest.fixture
def modules(monkeypatch):
    """The scripts, imported as they import each other."""
    monkeypatch.syspath_prepend(REPOSITORY / "reproductions" / "tiny")
    monkeypatch.syspath_prepend(FOLDER)
    for name in NAMES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import family
    import measure
    import results
    import run
    import study
    import texts

    yield SimpleNamespace(
        run=run, results=results, study=study, measure=measure, texts=texts, family=family
    )
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture
def plan(modules, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    return modules.study.load()


def test_the_grid_is_wide_enough(modules, plan):
    sizes = sorted(modules.study.parameters(size) for size in plan.sizes.values())
    assert len(sizes) >= 6 and sizes[-1] >= 100 * sizes[0]
    cells = plan.cells()
    assert len({cell.name for cell in cells}) == len(cells)
    for paradigm in ("dense", "sparse"):
        every = [cell for cell in cells if cell.paradigm == paradigm]
        own = [cell for cell in every if cell.schedule == modules.study.USUAL]
        assert len({cell.size for cell in own if cell.pairs == 28_000}) >= 6
        assert {2000, 100_000} <= {cell.pairs for cell in own if cell.size == "90k"}
        assert len({cell.pairs for cell in own if cell.size == "90k"}) >= 6
        assert {cell.seed for cell in own} >= {1, 2}
        assert {cell.pairs for cell in every if cell.schedule == "double"} >= {2000, 28_000}
        assert len({cell.pairs for cell in every if cell.schedule == "half"}) >= 6


def test_other_schedules_have_half_and_twice_the_steps(plan):
    usual = plan.steps["usual"]
    for name, factor in (("half", 0.5), ("double", 2)):
        for pairs, steps in plan.steps[name].items():
            assert steps == factor * usual[pairs]


def test_no_pair_of_a_cell_goes_unseen(modules, plan):
    for cell in plan.cells():
        assert plan.steps[cell.schedule][cell.pairs] * modules.study.QUERIES >= cell.pairs


def test_a_cell_of_two_groups_is_trained_once(plan):
    shared = [cell for cell in plan.cells(["annotations"]) if cell in plan.cells(["model-size"])]
    assert [cell.name for cell in shared] == ["dense-90k-28000", "sparse-90k-28000"]


def test_every_command_is_a_recipe_of_its_cell(modules, plan):
    for cell in plan.cells():
        _, _, _, path, *changes = plan.train(cell)
        recipe = load_recipe(path, changes)
        assert recipe.output == cell.output and recipe.schedule.seed == cell.seed
        assert recipe.encoder.paradigm == cell.paradigm
        assert recipe.data.train == cell.training_file
        assert recipe.data.random_negatives == 64 and recipe.data.negatives == 0
        steps = recipe.schedule.steps
        assert steps == plan.steps[cell.schedule][cell.pairs]
        assert recipe.schedule.queries == modules.study.QUERIES
        assert steps / recipe.evaluation.every == modules.study.EVALUATIONS
        assert recipe.saving.every == recipe.evaluation.every
        assert recipe.backbone == modules.study.pretrained(cell.size)
        assert recipe.evaluation.split == "dev" and modules.measure.SPLIT == "test"
        _, _, _, path, *changes = plan.pretrain(cell.size)
        before = load_recipe(path, changes)
        assert before.stage == "clm" and before.output == recipe.backbone


def test_sources_are_compared_with_people_on_as_many_pairs(plan):
    own = plan.cells(["sources"])
    human = {cell.pairs for cell in plan.cells(["annotations"]) if cell.size == "90k"}
    assert {cell.source for cell in own} == {"inverse-cloze", "titles", "generated"}
    for cell in own:
        _, _, _, path, *changes = plan.train(cell)
        changed = cell.source in ("inverse-cloze", "titles")  # carry their passages
        corpus = None if changed else "runs/scaling/corpus.jsonl"
        assert load_recipe(path, changes).data.corpus == corpus
    assert {cell.size for cell in own} == {"90k"}
    assert all(min(human) <= cell.pairs <= max(human) for cell in own)
    assert len({cell.pairs for cell in own}) >= 3


def test_a_cell_says_in_its_name_what_is_not_usual(modules):
    cell = modules.study.Cell("dense", "27k", 5000, 2, "titles", "double")
    assert cell.name == "dense-27k-5000-titles-double-seed-2"
    assert cell.training_file == "runs/scaling/train-titles-5000.jsonl"
    usual = modules.study.Cell("sparse", "27k", 5000)
    assert usual.name == "sparse-27k-5000" and usual.schedule == modules.study.USUAL


def test_parameters_are_those_of_the_model_but_its_embeddings(modules, plan):
    tokenizer = PreTrainedTokenizerFast.from_pretrained(
        REPOSITORY / "llm_encoders" / "models" / "tiny" / "backbone"
    )
    assert tokenizer.eos_token == modules.texts.END
    for name in ("27k", "213k"):
        model = LlamaForCausalLM(modules.family.config(plan.sizes[name], tokenizer))
        counted = sum(one.numel() for one in model.parameters())
        embedded = model.get_input_embeddings().weight.numel()
        assert modules.study.parameters(plan.sizes[name]) == counted - embedded


def test_a_size_that_is_not_in_the_family_is_refused(modules, plan, tmp_path):
    wrong = tmp_path / "study.yaml"
    text = (FOLDER / "study.yaml").read_text(encoding="utf-8")
    wrong.write_text(text.replace("sizes: [480k]", "sizes: [3b]"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"names 3b, which .*family.yaml lacks"):
        modules.study.load(wrong)


def test_a_number_of_pairs_without_steps_is_refused(modules, plan, tmp_path):
    wrong = tmp_path / "study.yaml"
    text = (FOLDER / "study.yaml").read_text(encoding="utf-8")
    assert "    12000: 400\n" in text
    wrong.write_text(text.replace("    12000: 400\n", ""), encoding="utf-8")
    with pytest.raises(UsageError, match="the schedule usual has no line for 12000 pairs"):
        modules.study.load(wrong)
    wrong.write_text(text.replace("schedule: half}", "schedule: hlaf}"), encoding="utf-8")
    with pytest.raises(UsageError, match="hlaf, which steps lacks. Did you mean 'half'"):
        modules.study.load(wrong)


@pytest.fixture
def pairs(tmp_path):
    """A folder of pairs: documentation, repeated passages and queries, a stub."""
    words = [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "zeta",
        "eta",
        "theta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
    ]
    records = [
        {
            "query": f"Page {number} of the guide: Part {words[number % 13]} {number}",
            "passage": f"{' '.join(words)} {chr(97 + number % 26)}{chr(97 + number // 26)} number",
            "title": "a/path.md",
            "source": "cpp-docs" if number % 2 else "medquad",
        }
        for number in range(300)
    ]
    for number, record in enumerate(records):  # passages differ from their first letters on
        record["passage"] = (
            f"{chr(97 + number % 26) * 3}{chr(97 + number // 26) * 5} " + (record["passage"])
        )
    records.append({**records[0], "query": "another question about the same passage"})
    records.append({**records[1], "passage": "some other text " + records[1]["passage"]})
    folder = tmp_path / "pairs"
    folder.mkdir()
    with gzip.open(folder / "toy.jsonl.gz", "wt", encoding="utf-8") as stream:
        stream.writelines(json.dumps(record) + "\n" for record in records)
    return folder


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_texts_are_nested_clean_and_apart(modules, pairs, tmp_path, monkeypatch):
    texts = modules.texts
    monkeypatch.setattr(texts, "HELD_OUT_QUERIES", {"dev": 2, "test": 3})
    monkeypatch.setattr(texts, "HELD_OUT_PASSAGES", 6)
    monkeypatch.setattr(sys.modules["data"], "HELD_OUT_PERCENT", 20)
    output = tmp_path / "texts"
    arguments = ["texts.py", "--pairs", str(pairs), "--output", str(output), "--sizes", "50", "90"]
    monkeypatch.setattr(sys, "argv", arguments)
    texts.main()
    small, large = lines(output / "train-50.jsonl"), lines(output / "train-90.jsonl")
    assert len(small) == 50 and len(large) == 90 and large[:50] == small
    passages = {record["id"]: record["text"] for record in lines(output / "corpus.jsonl")}
    assert [record["pos_pid"] for record in large] == [[name] for name in passages]
    assert len({record["question"].lower() for record in large}) == 90
    held = Collection.load(str(output / "held-out"), "test")
    assert len(held.queries) == 3 and len(held.ids) == 6
    assert not set(held.ids) & set(passages)
    assert not set(held.queries) & set(Collection.load(str(output / "held-out"), "dev").queries)
    titles = {record["id"]: record["title"] for record in lines(output / "titled.jsonl")}
    for record in large:
        title = titles[record["pos_pid"][0]]
        assert title in ("", record["question"].partition(": ")[0])
    assert 0 < sum(map(bool, titles.values())) < 90
    first = lines(output / "generator.jsonl")[0]["text"]
    passage, _, question = first.partition(" question : ")
    assert question == large[0]["question"] + "</s>" and len(passage.split()) <= 30
    assert passages[large[0]["pos_pid"][0]].startswith(passage)


def test_too_few_pairs_are_refused(modules, pairs, tmp_path):
    found = modules.texts.clean_pairs(pairs)
    with pytest.raises(SystemExit, match="fewer than 1,000"):
        modules.texts.write_training(found, [1000], tmp_path)
    with pytest.raises(SystemExit, match="holds no usable pairs"):
        modules.texts.clean_pairs(tmp_path)


@pytest.fixture
def toy(modules, tmp_path, monkeypatch, beir):  # noqa: F811
    """A study of two cells. Its commands write what the real ones write, but train nothing."""
    (tmp_path / "reproductions").symlink_to(REPOSITORY / "reproductions")
    monkeypatch.chdir(tmp_path)
    values = yaml.safe_load((FOLDER / "study.yaml").read_text(encoding="utf-8"))
    values["collections"] = {"toy": {"folder": "collection", "split": "test"}}
    values["grid"] = [
        {"group": "one", "sizes": ["27k"], "pairs": [5000], "seeds": [1]},
        {"group": "two", "sizes": ["90k"], "pairs": [5000], "seeds": [2]},
    ]
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    for size in ("27k", "90k"):
        Path("runs/scaling/family", size).mkdir(parents=True)
    Path("runs/scaling/train-5000.jsonl").write_text("{}\n" * 5000)
    Path("runs/scaling/held-out").symlink_to(beir)
    monkeypatch.setattr(modules.results, "FILE", tmp_path / "results.csv")
    calls, learnt = [], [5000]

    def call(words, check, env, stdout, stderr):
        calls.append(words[1:])
        if words[1] == "-m":
            output = Path(next(w for w in words if w.startswith("output=")).partition("=")[2])
            write_teacher(output, "sparse" if "sparse" in output.name else "dense")
            cost = {"steps": 800, "tokens": 9, "flops": 2.0, "seconds": 60.0}
            cost["annotations"] = learnt[0]
            (output / "cost.json").write_text(json.dumps(cost))
            return SimpleNamespace(returncode=0)
        monkeypatch.setattr(sys, "argv", words[1:])
        return SimpleNamespace(returncode=modules.measure.main())

    monkeypatch.setattr(modules.run, "subprocess", SimpleNamespace(run=call, STDOUT=None))
    place = str(beir.parent)

    def run(*more):
        monkeypatch.setattr(sys, "argv", ["run.py", "--study", str(file), *more])
        return modules.run.main()

    return SimpleNamespace(
        file=file, calls=calls, learnt=learnt, place=place, run=run, held_out=beir
    )


def test_cells_are_trained_measured_and_collected_once(modules, toy):
    assert toy.run("--collections", toy.place) == 0
    trained = [words[3] for words in toy.calls if words[0] == "-m"]
    assert len(trained) == 2 + 4 and len(toy.calls) == 10
    rows = modules.results.read(["toy"])
    assert [row["cell"] for row in rows] == [
        "dense-27k-5000",
        "sparse-27k-5000",
        "dense-90k-5000-seed-2",
        "sparse-90k-5000-seed-2",
    ]
    first = rows[0]
    encoder = modules.measure.load_encoder("runs/scaling/cells/dense-27k-5000")
    model = encoder.backbone.decoder
    layers = [*model.layers.parameters(), *model.norm.parameters()]
    assert first["parameters"] == sum(one.numel() for one in layers)  # of what was measured
    assert first["annotations"] == 5000 and first["negatives"] == 256
    found = evaluate(encoder, Collection.load(str(toy.held_out), "test"))
    assert first["entropy"] == found["contrastive_entropy"]
    assert first["toy ndcg@10"] == found["ndcg@10"]
    assert rows[1]["query terms"] > 0 and first["query terms"] is None

    assert toy.run("--collections", toy.place) == 0
    assert len(toy.calls) == 10  # nothing again
    kept = [row for row in rows if row["cell"] != "sparse-27k-5000"]
    modules.results.FILE.write_text(modules.results.text(kept, ["toy"]), encoding="utf-8")
    assert toy.run("--collections", toy.place, "--only", "one", "--parallel", "2") == 0
    assert len(toy.calls) == 10 and modules.results.read(["toy"]) == rows  # as it was measured


def test_what_depends_on_another_run_is_made_again(modules, toy):
    assert toy.run("--collections", toy.place, "--only", "one") == 0
    before = len(toy.calls)
    plan = modules.study.load(toy.file)
    (cell, _) = plan.cells(["one"])
    modules.run.Finished(modules.run.FINISHED).note(plan.train(cell))  # trained once more
    assert toy.run("--collections", toy.place, "--only", "one") == 0
    assert len(toy.calls) == before + 1
    assert toy.calls[before][:2] == ["reproductions/scaling/measure.py", cell.name]


def test_a_cell_that_learnt_from_other_pairs_is_not_measured(modules, toy, capsys):
    toy.learnt[0] = 4711
    assert toy.run("--collections", toy.place) == 1
    assert "dense-27k-5000 has learnt from 4711 pairs, not from 5000" in capsys.readouterr().err
    assert not modules.results.read(["toy"])


def test_what_is_missing_is_named(modules, toy, capsys):
    assert toy.run("--only", "three") == 2
    assert "no group three; there are one, two." in capsys.readouterr().err
    assert toy.run("--collections", "nowhere") == 2
    assert "there is no nowhere/collection, the collection toy" in capsys.readouterr().err
    Path("runs/scaling/train-5000.jsonl").write_text("{}\n" * 4999)
    assert toy.run("--collections", toy.place) == 2
    assert "has 4,999 lines; its cells learn from 5,000 pairs" in capsys.readouterr().err
    Path("runs/scaling/train-5000.jsonl").unlink()
    assert toy.run("--collections", toy.place) == 2
    assert "scaling-laws.md says how to make it" in capsys.readouterr().err
    assert not toy.calls


def test_a_command_that_fails_stops_the_study(modules, toy, monkeypatch, capsys):
    failing = SimpleNamespace(run=lambda *_, **__: SimpleNamespace(returncode=1), STDOUT=None)
    monkeypatch.setattr(modules.run, "subprocess", failing)
    assert toy.run("--collections", toy.place) == 1
    error = capsys.readouterr().err
    assert "exit code 1: python -m llm_encoders.train" in error and "logs/27k.txt" in error


def test_a_dry_run_prints_the_commands_alone(toy, capsys):
    assert toy.run("--dry-run", "--only", "one") == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 1 + 2 * 2 and not toy.calls


def test_results_of_other_columns_are_refused(modules, tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("cell,entropy\n", encoding="utf-8")
    with pytest.raises(UsageError, match="not those that run.py writes"):
        modules.results.read(["toy"], path)
    row = dict.fromkeys(modules.results.columns(["toy"]), "")
    path.write_text(modules.results.text([{**row, "entropy": "low"}], ["toy"]), encoding="utf-8")
    with pytest.raises(UsageError, match="line 2: a cell is no figure"):
        modules.results.read(["toy"], path)
