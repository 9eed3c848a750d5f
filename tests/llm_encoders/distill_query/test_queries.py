"""Where queries come from, each once, and what is refused in a file of them."""

import gzip

import pytest

from llm_encoders import EncoderError
from llm_encoders.distill_query.queries.pseudo_queries import crops
from llm_encoders.distill_query.queries.store import store_queries
from llm_encoders.distill_query.recipe.sections import Queries
from tests.llm_encoders.conftest import QUESTIONS, TOPICS, write_lines

ASKED = [question for asked in QUESTIONS.values() for question in asked]


def read(tmp_path, source, name="store", seed=1, **options):
    store = store_queries(Queries(source=str(source), **options), seed, tmp_path / name)
    return store.texts(range(len(store)))


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '{"_id": "1", "text": "cats"}\n{"id": 2, "query": "rain", "metadata": {}}\n'),
        ("a.tsv", "1\tcats\n2\train\n"),
        ("a.tsv.gz", "id\ttext\n1\tcats\n2\train\n"),
        ("a.txt", "cats\nrain\n"),
    ],
)
def test_layouts(tmp_path, name, content):
    assert read(tmp_path, written(tmp_path, name, content)) == ["cats", "rain"]


def test_a_text_is_taken_once(tmp_path):
    path = written(tmp_path, "a.txt", "Cats  hunt\nrain\ncats hunt \nrain\nchess\n")
    assert read(tmp_path, path) == ["Cats  hunt", "rain", "chess"]


def test_a_folder_leaves_out_its_test_queries_unless_asked_for(tmp_path, beir, capsys):
    (beir / "qrels" / "test.tsv").write_text("statins0\tstatins\t1\nchess1\tchess\t1\n")
    found = read(tmp_path, beir)
    assert found == [one for one in ASKED if one not in (ASKED[0], ASKED[-1])]
    assert "2 queries of the split test are left out" in capsys.readouterr().err
    assert read(tmp_path, beir, "other", split="test") == [ASKED[0], ASKED[-1]]


def test_titles(tmp_path, beir):
    assert read(tmp_path, beir, kind="titles") == list(TOPICS)


def test_crops_are_spans_of_the_asked_length_and_depend_on_the_seed_alone(tmp_path, beir):
    source = str(beir)
    found = list(crops(source, 40, 2, 4, seed=3))
    texts = {text for _, text in found}
    assert {len(text.split()) for text in texts} == {2, 3, 4}
    assert all(any(text in whole for whole in TOPICS.values()) for text in texts)
    assert len(found) == 40 * len(TOPICS)
    assert found == list(crops(source, 40, 2, 4, seed=3)) != list(crops(source, 40, 2, 4, seed=4))
    short = next(iter(TOPICS.values())).split()
    first = " ".join(short[:2])
    assert any(text.startswith(first) for text in texts)
    assert any(text.endswith("liver.") for text in texts)


def test_a_limit_draws_at_random_in_order(tmp_path):
    path = written(tmp_path, "a.txt", "".join(f"query {n} of many\n" for n in range(50)))
    whole = read(tmp_path, path)
    one = read(tmp_path, path, "one", limit=10)
    assert len(one) == 10 and one == [text for text in whole if text in one] != whole[:10]
    assert read(tmp_path, path, "other", seed=2, limit=10) != one


def test_what_was_read_is_read_again_only_if_it_has_changed(tmp_path):
    path = written(tmp_path, "a.txt", "cats\nrain\n")
    first = read(tmp_path, path)
    table = tmp_path / "store" / "queries.arrow"
    before = table.stat().st_mtime_ns
    assert read(tmp_path, path) == first and table.stat().st_mtime_ns == before
    written(tmp_path, "a.txt", "cats\nrain\nchess\n")
    assert read(tmp_path, path) == [*first, "chess"]


@pytest.mark.parametrize(
    ("name", "content", "line", "words"),
    [
        ("a.jsonl", '{"query": "a b", "pos_pid": "1"}\n', 1, "'pos_pid' may hold passages"),
        ("a.jsonl", '{"text": "a"}\n{"text": "b", "label": 1}\n', 2, "'label' may hold"),
        ("a.jsonl", '{"query": "a", "docids": ["1"]}\n', 1, "'docids' may hold"),
        ("a.jsonl", '{"query": "a", "positive_passages": [1]}\n', 1, "'positive_passages'"),
        ("a.jsonl", '{"query": "a", "text": "b"}\n', 1, "there are text and query"),
        ("a.jsonl", '{"id": "a"}\n', 1, "there is none"),
        ("a.jsonl", '{"text": " "}\n', 1, "the query is empty"),
        ("a.jsonl", '{"text": 3}\n', 1, "must be a text"),
        ("a.tsv", "query-id\tcorpus-id\tscore\nq\td\t1\n", 1, "3 tab-separated columns"),
        ("a.tsv", "q1\td1\t1\nq2\td1\t0\n", 1, "a judgement"),
        ("a.tsv", "q1\t0\td1\t1\n", 1, "a judgement"),
        ("a.tsv", "1\t77\n2\t78\n", 1, "whole numbers"),
        ("a.txt", "cats\n1\train\n", 2, "a tab"),
    ],
)
def test_what_is_no_query_is_refused_with_its_line(tmp_path, name, content, line, words):
    path = written(tmp_path, name, content)
    with pytest.raises(EncoderError) as caught:
        read(tmp_path, path)
    assert f"{path}, line {line}" in str(caught.value) and words in str(caught.value)


@pytest.mark.parametrize("name", ["a.jsonl", "a.tsv", "a.txt", "a.jsonl.gz"])
def test_an_empty_file_is_refused(tmp_path, name):
    path = written(tmp_path, name, "\n")
    with pytest.raises(EncoderError, match="holds no queries"):
        read(tmp_path, path)


def test_places_that_hold_no_queries(tmp_path, beir):
    with pytest.raises(EncoderError, match="no file or folder"):
        read(tmp_path, tmp_path / "absent")
    (tmp_path / "folder").mkdir()
    with pytest.raises(EncoderError, match="not in BEIR layout"):
        read(tmp_path, tmp_path / "folder")
    with pytest.raises(EncoderError, match="no qrels for the split 'odd'"):
        read(tmp_path, beir, split="odd")
    path = write_lines(tmp_path / "a.jsonl", [{"text": "cats"}])
    with pytest.raises(EncoderError, match="no splits"):
        read(tmp_path, path, split="train")
    path.rename(tmp_path / "a.csv")
    with pytest.raises(EncoderError, match="no file of queries"):
        read(tmp_path, tmp_path / "a.csv")
