"""The command against a computation in double precision; batches and processes; bad input."""

import csv
import json
import math
import re
import shutil

import numpy as np
import pytest

from llm_encoders import load_encoder
from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.encoding.lookup.files import write_lookup
from llm_encoders.encoding.lookup.from_teacher import lookup_contract, teacher_tokenizer
from llm_encoders.evaluation.collection import Collection
from llm_encoders.evaluation.evaluate import evaluate
from llm_encoders.evaluation.random_negatives import draw_negatives
from llm_encoders.scaling.command import main
from llm_encoders.scaling.entropy import measuring
from llm_encoders.scaling.entropy.size import non_embedding_parameters
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run
from tests.llm_encoders.conftest import write_lines
from tests.llm_encoders.towers import CONTRACTS, WORDS, write_decoder, write_student, write_towers

PASSAGES, QUERIES, NEGATIVES, BLOCK = 90, 8, 20, 16
KINDS = {"dense": None, "sparse": None, "towers": None, "student": "dense", "lookup": "sparse"}
_SCRIPT = """
import sys
from llm_encoders.scaling import command
from llm_encoders.scaling.entropy import measuring
measuring._BLOCK = int(sys.argv[1])
sys.exit(command.main(sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    """Passages and queries of random words. One query has a passage's id, two have one text."""
    folder = tmp_path_factory.mktemp("collection") / "words"
    (folder / "qrels").mkdir(parents=True)
    random = np.random.default_rng(3)
    texts = [" ".join(random.choice(WORDS, 6)) for _ in range(PASSAGES)]
    records = [{"_id": f"d{i}", "title": "", "text": text} for i, text in enumerate(texts)]
    write_lines(folder / "corpus.jsonl", records)
    names = [*(f"q{i}" for i in range(QUERIES - 1)), "d7"]
    asked = [" ".join(random.choice(WORDS, 3)) for _ in names]
    asked[1] = asked[0].upper()
    queries = [{"_id": name, "text": text} for name, text in zip(names, asked, strict=True)]
    write_lines(folder / "queries.jsonl", queries)
    lines = ["query-id\tcorpus-id\tscore"]
    for name in names:
        for number in random.permutation(PASSAGES)[:9]:
            lines.append(f"{name}\td{number}\t{random.integers(0, 3)}")
    (folder / "qrels" / "test.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "qrels" / "train.tsv").write_text("q2\td5\t1\nq2\td6\t0\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """One encoder of each paradigm, two towers, and query encoders of the former."""
    root = tmp_path_factory.mktemp("encoders")
    for kind in ("dense", "sparse"):
        write_decoder(root / kind, CONTRACTS[kind])
    write_decoder(root / "other", CONTRACTS["sparse"], seed=5)
    write_towers(root / "towers", root / "sparse", root / "other")
    write_student(root / "student", root / "dense")
    teacher = load_encoder(root / "sparse", device="cpu")
    table = np.linspace(0, 2, len(teacher.vocabulary), dtype=np.float32)
    contract, tokenizer = lookup_contract(teacher), teacher_tokenizer(teacher)
    write_lookup(root / "lookup", contract, table, tokenizer, Teacher.of(teacher))
    return root


def measure(tmp_path, *words):
    """What is printed, and the JSON."""
    output = tmp_path / f"entropy-{len(list(tmp_path.iterdir()))}.json"
    assert main(["entropy", *map(str, words), "--output", str(output), "--device", "cpu"]) == 0
    return json.loads(output.read_text(encoding="utf-8"))


def brute_force(collection, queries, documents, temperature, redraws=10):
    """With the negatives that are drawn, but everything else by the definition."""
    loaded = Collection.load(str(collection), "test")
    drawn = draw_negatives(loaded.sample.pairs, NEGATIVES, redraws, 4)
    asked = queries.encode_queries(list(loaded.queries.values()))
    found = documents.encode_documents(loaded.texts)
    asked, found = (one if isinstance(one, np.ndarray) else one.toarray() for one in (asked, found))
    scores = (asked.astype(np.float64) @ found.astype(np.float64).T) / temperature
    judged = [
        (row, loaded.ids.index(docid))
        for row, grades in enumerate(loaded.qrels.values())
        for docid, grade in grades.items()
        if grade > 0
    ]
    values = []
    for redraw in drawn.tolist():
        total = 0.0
        for (row, positive), negatives in zip(judged, redraw, strict=True):
            best = math.exp(scores[row, positive])
            total -= math.log(
                best / (best + math.fsum(math.exp(scores[row, n]) for n in negatives))
            )
        values.append(total / len(judged))
    return values


@pytest.mark.parametrize("kind", KINDS)
def test_the_figure_is_that_of_a_brute_force(
    collection, encoders, tmp_path, monkeypatch, kind, capsys
):
    """Whatever the batch size, and of the passages of the teacher where there is one."""
    monkeypatch.setattr(measuring, "_BLOCK", BLOCK)
    words = ["--encoder", encoders / kind, "--collection", collection, "--seed", 4]
    words += ["--negatives", NEGATIVES]
    found = measure(tmp_path, *words)
    line = capsys.readouterr().out
    queries = load_encoder(encoders / kind, device="cpu")
    documents = load_encoder(encoders / (KINDS[kind] or kind), device="cpu")
    wanted = brute_force(collection, queries, documents, queries.config.temperature)
    assert found["values"] == pytest.approx(wanted, rel=1e-6)
    assert found["entropy"] == pytest.approx(np.mean(wanted), rel=1e-6)
    assert found["entropy_sd"] == pytest.approx(np.std(wanted, ddof=1), rel=1e-3)
    assert found["negatives"] == found["fewest_negatives"] == NEGATIVES
    assert f"contrastive entropy {found['entropy']:.4f} nats" in line and line.count("\n") == 1
    assert measure(tmp_path, *words, "--batch-size", 3)["values"] == pytest.approx(wanted, rel=1e-6)
    assert capsys.readouterr().out == line
    warmer = measure(tmp_path, *words, "--temperature", 2.5, "--redraws", 2)
    assert warmer["values"] == pytest.approx(brute_force(collection, queries, documents, 2.5, 2))


@pytest.mark.whole  # two more interpreters, 14 s; test_entropy.py has the figure for any share
def test_processes_share_the_passages(
    collection, encoders, tmp_path, torchrun, monkeypatch, capsys
):
    monkeypatch.setattr(measuring, "_BLOCK", BLOCK)
    (tmp_path / "script.py").write_text(_SCRIPT, encoding="utf-8")
    words = ["--encoder", encoders / "dense", "--collection", collection, "--negatives", NEGATIVES]
    alone = measure(tmp_path, *words)
    shared = ["entropy", *words, "--output", tmp_path / "shared.json", "--device", "cpu"]
    result = torchrun(tmp_path / "script.py", BLOCK, *shared)
    assert json.loads((tmp_path / "shared.json").read_text(encoding="utf-8")) == alone
    assert capsys.readouterr().out == result.stdout


def test_only_what_is_needed_is_encoded(collection, encoders, tmp_path):
    words = ["--encoder", encoders / "dense", "--collection", collection]
    found = measure(tmp_path, *words, "--negatives", 1, "--redraws", 1)
    assert found["passages"] == PASSAGES and found["entropy_sd"] is None
    assert found["pairs"] < found["passages_encoded"] <= 2 * found["pairs"] < PASSAGES


@pytest.mark.parametrize("layout", ["jsonl", "tsv"])
def test_pairs_give_what_the_collection_gives(collection, encoders, tmp_path, layout):
    """Repeated pairs, as in files of triples, count once; queries of one text are one."""
    loaded = Collection.load(str(collection), "test")
    judged = [
        (loaded.queries[name], docid)
        for name, grades in loaded.qrels.items()
        for docid, grade in grades.items()
        if grade > 0
    ]
    path = tmp_path / f"pairs.{layout}"
    if layout == "tsv":
        lines = [f"{query}\t{docid}\td1\n" for query, docid in judged]
        path.write_text("".join([*lines, *lines[:3]]), encoding="utf-8")
    else:
        by_query: dict[str, list[str]] = {}
        for query, docid in judged:
            by_query.setdefault(query, []).append(docid)
        write_lines(
            path,
            [{"question": one, "pos_pid": ids, "neg_pids": []} for one, ids in by_query.items()],
        )
    options = ["--encoder", encoders / "dense", "--negatives", 1000]
    found = measure(tmp_path, *options, "--pairs", path, "--corpus", collection / "corpus.jsonl")
    texts = {(query.lower(), docid) for query, docid in judged}
    assert found["pairs"] == len(texts)
    assert found["split"] is None and found["passages"] == PASSAGES


def test_the_log_has_the_number_of_the_command(recipe_file, tmp_path, beir, capsys):
    """A learning curve; what was trained on is in the run's record, and goes into a point."""
    evaluation = {"collections": [str(beir)], "every": 1, "metric": "contrastive_entropy"}
    changes = {"evaluation": evaluation, "saving": {"every": 1, "keep": 9}}
    run(load_recipe(recipe_file(**changes, encoder={"temperature": 30.0})))
    output = tmp_path / "run"
    log = [json.loads(line) for line in (output / "log.jsonl").open(encoding="utf-8")]
    curve = {one["step"]: one for one in log if "eval_contrastive_entropy" in one}
    assert list(curve) == [1, 2, 3]
    words = ["--collection", beir, "--split", "dev", "--negatives", 256]
    for step in (1, 3):
        found = measure(tmp_path, "--encoder", output / f"checkpoint-{step}", *words)
        for key, name in (("entropy", ""), ("entropy_sd", "_sd")):
            logged = curve[step][f"eval_collection_contrastive_entropy{name}"]
            assert found[key] == pytest.approx(logged, rel=1e-6, abs=1e-12)
    best = min(curve, key=lambda step: curve[step]["eval_contrastive_entropy"])
    card = (output / "README.md").read_text(encoding="utf-8")
    assert f"The checkpoint (step {best}) was chosen by contrastive_entropy" in card
    points = tmp_path / "points.csv"
    words[-1] = 5  # other passages
    for seed in ([], ["--training-seed", 7, "--source", "human"]):
        measure(tmp_path, "--encoder", output, *words, "--csv", points, *seed)
    (one, other) = csv.DictReader(points.open(encoding="utf-8"))
    assert one["annotations"] == "9" and int(one["parameters"]) > 1e5  # nine queries
    assert (one["seed"], other["seed"], other["source"]) == ("42", "7", "human")
    assert (one["temperature"], one["negatives"], one["paradigm"]) == ("30.0", "5", "sparse")
    assert one["entropy"] == other["entropy"]


def test_parameters_are_those_of_the_layers(encoders):
    """Two layers of attention, MLP and norms, and the last norm."""
    encoder = load_encoder(encoders / "dense", device="cpu")
    config = encoder.backbone.decoder.config
    hidden, inner = config.hidden_size, config.intermediate_size
    keys = config.num_key_value_heads * encoder.backbone.decoder.layers[0].self_attn.head_dim
    layer = 2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * inner + 2 * hidden
    wanted = config.num_hidden_layers * layer + hidden
    assert non_embedding_parameters(encoder, encoder) == wanted
    sparse = load_encoder(encoders / "sparse", device="cpu")
    assert non_embedding_parameters(sparse, sparse) == wanted
    assert non_embedding_parameters(encoder, sparse) is None
    both = load_encoder(encoders / "towers", device="cpu")
    assert non_embedding_parameters(both, both) is None


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            [],
            2,
            r"for 4\d of 4\d pairs there are fewer than 256 .* only \d\d. Give --negatives \d\d",
        ),
        (["--split", "tset"], 2, r"has no qrels for the split 'tset'; it has test, train"),
        (["--temperature", "0"], 2, "--temperature is 0; give a number above 0"),
        (["--corpus", "x"], 2, "--corpus is for --pairs"),
        (["--annotations", "5"], 2, "--annotations is for --csv; leave it out"),
        (["--csv", "p.csv", "--annotations", "0.5"], 2, "--annotations is 0.5; give a whole"),
        (["--csv", "p.csv", "--negatives", "9"], 2, "No record says on how many pairs .*dense was"),
        (
            ["--csv", "p.csv", "--negatives", "300", "--annotations", "5"],
            2,
            r"only \d\d passages that are not relevant, and the negatives of a point must be equ",
        ),
        (["--csv", "other.csv"], 2, "other.csv, line 1: the columns parameters and annotations ar"),
        (["--csv", "no/p.csv"], 2, "--csv no/p.csv: there is no folder no. Make it"),
        (["--output", "no/e.json"], 2, "--output no/e.json: there is no folder no. Make it"),
        (
            ["--output", "other.csv"],
            2,
            "--output other.csv exists and is no measurement of entropy",
        ),
        (["--passage-encoder", "x"], 2, "dense encodes passages itself; leave --passage-encoder"),
        (["--on-error", "skip"], 2, "--on-error skip lists faulty passages beside --output"),
    ],
)
def test_what_gives_no_figure(
    collection, encoders, tmp_path, monkeypatch, capsys, words, code, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.csv").write_text("a,entropy\n1,2\n", encoding="utf-8")
    given = ["--encoder", str(encoders / "dense"), "--collection", str(collection)]
    if words[:1] == ["--passage-encoder"]:
        given += ["--negatives", "5"]
    assert main(["entropy", *given, *words]) == code
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("corpus.jsonl", {"_id": "empty", "text": " "}, r"corpus.jsonl, line 91: .*empty"),
        ("corpus.jsonl", {"_id": "d3", "text": "x"}, r"line 91: the id 'd3' was given before"),
        (
            "queries.jsonl",
            {"_id": "blank", "text": "  "},
            r"queries.jsonl, line 9: the query is em",
        ),
        ("qrels/test.tsv", "q0\td1\tx", r"test.tsv, line \d+: .*the grade is 'x', which is no who"),
    ],
)
def test_faulty_collections(collection, encoders, tmp_path, capsys, file, line, message):
    copy = shutil.copytree(collection, tmp_path / "copy")
    with (copy / file).open("a", encoding="utf-8") as stream:
        stream.write((line if isinstance(line, str) else json.dumps(line)) + "\n")
    with (copy / "qrels" / "test.tsv").open("a", encoding="utf-8") as stream:
        stream.write("blank\td1\t1\n" if "blank" in str(line) else "")
    words = ["--encoder", str(encoders / "dense"), "--collection", str(copy), "--negatives", "5"]
    assert main(["entropy", *words]) == 1
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("judged", "message"),
    [
        ("q0\td1\t0\n", "judges no document relevant, so there is no pair"),
        ("q0\tgone\t1\n", "none of the 1 relevant documents is in the corpus"),
        ("".join(f"q0\td{n}\t1\n" for n in range(PASSAGES)), "to each query, every passage is rel"),
    ],
)
def test_judgements_without_a_figure(collection, encoders, tmp_path, capsys, judged, message):
    copy = shutil.copytree(collection, tmp_path / "copy")
    (copy / "qrels" / "test.tsv").write_text(judged, encoding="utf-8")
    words = ["--encoder", str(encoders / "dense"), "--collection", str(copy)]
    assert main(["entropy", *words]) in (1, 2)
    assert message in capsys.readouterr().err


def test_queries_without_negatives_are_left_out_and_counted(collection, encoders, tmp_path, capsys):
    copy = shutil.copytree(collection, tmp_path / "copy")
    with (copy / "qrels" / "train.tsv").open("a", encoding="utf-8") as stream:
        stream.writelines(f"q3\td{n}\t1\n" for n in range(PASSAGES))
    words = ["--encoder", encoders / "dense", "--collection", copy, "--negatives", 500]
    found = measure(tmp_path, *words)
    assert found["pairs_left_out"] > 0 and found["fewest_negatives"] > 0
    shown = capsys.readouterr().out
    assert f"{found['pairs_left_out']} left out for want of negatives" in shown
    assert f"{found['fewest_negatives']} to {found['negatives']} negatives" in shown
    loaded = evaluate(
        load_encoder(encoders / "dense", device="cpu"), Collection.load(str(copy), "test")
    )
    assert found["entropy"] == pytest.approx(loaded["contrastive_entropy"], rel=1e-6)


def test_a_student_of_another_teacher(collection, encoders, capsys):
    words = ["--encoder", str(encoders / "student"), "--collection", str(collection)]
    words += ["--negatives", "5", "--passage-encoder", str(encoders / "other")]
    assert main(["entropy", *words]) == 2
    assert "student was distilled from" in capsys.readouterr().err


def test_points_are_appended_by_column(collection, encoders, tmp_path, capsys):
    points = tmp_path / "points.csv"
    points.write_text(
        "note,entropy,annotations,parameters,paradigm,temperature\na,1,2,3,,", "utf-8"
    )
    words = ["--encoder", encoders / "dense", "--collection", collection, "--negatives", "5"]
    words += ["--csv", points, "--parameters", "1e6", "--annotations", "200"]
    assert main(["entropy", *map(str, words)]) == 2
    said = capsys.readouterr().err
    assert "line 1: the column negatives is absent, by which points are told apart" in said
    assert "passage" not in said  # nothing was encoded
    before = points.read_text(encoding="utf-8")
    points.write_text(before.replace("note", "negatives"), encoding="utf-8")
    found = measure(tmp_path, *words)
    assert points.read_text(encoding="utf-8").splitlines()[2] == (
        f"5,{found['entropy']},200,1000000,dense,{found['temperature']}"
    )
    capsys.readouterr()
    assert main(["entropy", *map(str, words), "--source", "human"]) == 2
    said = capsys.readouterr().err
    assert "the column source is absent" in said and "passage" not in said
