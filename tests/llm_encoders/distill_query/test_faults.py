"""Wrong recipes that only the teacher or the files tell: file, line and key, before the vectors."""

import pytest

from llm_encoders.distill_query.command import main
from tests.llm_encoders.distill_query.small import write_bert


@pytest.fixture
def refused(recipe_of, tmp_path, capsys):
    """Run a recipe that is refused, before the teacher has computed vectors; the error, which
    names the line of this key."""

    def run(key, *, paradigm="dense", code=2, **changes):
        path = recipe_of(paradigm, **changes)
        assert main([str(path)]) == code
        assert not (tmp_path / "run" / ".prepared" / "query-vectors").exists()
        error = capsys.readouterr().err.splitlines()[-1]
        keys = [line.strip().partition(":")[0] for line in path.read_text().splitlines()]
        assert error.startswith(f"error: {path}, line {keys.index(key) + 1}: ")
        return error

    return run


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"teacher": "./nowhere"}, "teacher", "There is no folder './nowhere'"),
        ({"teacher": "llm-dens-tiny"}, "teacher", "Did you mean 'llm-dense-tiny'?"),
        ({"teacher": "llm-dense-tiny,query_max_length=0"}, "teacher", "query_max_length is 0"),
        ({"student": {"kind": "layers", "layers": 99}}, "layers", "has 4; lower it"),
        (
            {"student": {"kind": "transformer", "backbone": "./no"}},
            "backbone",
            "neither a folder nor a Hub",
        ),
        ({"queries": {"source": "/nowhere"}}, "source", "no file or folder '/nowhere'"),
        ({"queries": {"source": "/nowhere", "kind": "titles"}}, "source", "/nowhere"),
        ({"encoder": {"passage_prefix": "x"}}, "passage_prefix", "a student encodes queries only"),
        ({"encoder": {"query_top_k": 3}}, "query_top_k", "does not concern dense encoders"),
        ({"trainer": {"optim": "adamm"}}, "trainer", "trainer: adamm is not a valid"),
        ({"trainer": {"report_to": "mlflowx"}}, "report_to", "Did you mean 'mlflow'?"),
    ],
    ids=str,
)
def test_the_key_of_the_recipe_is_named(refused, changes, key, words):
    code = 1 if changes.get("queries", {}).get("kind") else 2
    assert words in refused(key, code=code, **changes)


def test_a_key_of_the_other_paradigm(refused):
    assert "does not concern sparse" in refused(
        "pooling", paradigm="sparse", encoder={"pooling": "mean"}
    )


@pytest.mark.parametrize("name", ["q.csv", "folder"])
def test_a_source_that_holds_no_queries(refused, tmp_path, name):
    (tmp_path / "q.csv").write_text("a,b\n")
    (tmp_path / "folder").mkdir()
    assert "queries.source: " in refused("source", queries={"source": str(tmp_path / name)})


def test_a_folder_without_a_model(refused, tmp_path):
    (write_bert(tmp_path / "bert") / "config.json").unlink()
    student = {"kind": "transformer", "backbone": str(tmp_path / "bert")}
    assert "holds no config.json" in refused("backbone", student=student, code=1)


def test_a_table_over_an_absent_corpus(refused):
    student = {"kind": "lookup", "initial": "idf", "corpus": "/nowhere"}
    assert "/nowhere" in refused("corpus", paradigm="sparse", student=student, code=1)
    student = {"kind": "lookup", "initial": "counts", "counts": False}
    assert "student.counts is false" in refused("counts", paradigm="sparse", student=student)
