"""How many annotations training data hold: different pairs of a query and a relevant passage."""

from llm_encoders.data.prepare import prepare
from llm_encoders.data.sources import DataSources
from llm_encoders.train.held_out import hold_out
from tests.llm_encoders.conftest import write_lines

RECORDS = [("a", ["p0", "p1"]), ("A ", ["p1", "p2"]), ("b", ["p0"]), ("b", ["p0"]), ("c", ["p3"])]


def test_equal_pairs_count_once_and_held_out_ones_do_not(tmp_path):
    corpus = [{"id": f"p{number}", "text": f"text {number}"} for number in range(5)]
    train = [{"question": query, "pos_pid": ids, "neg_pids": ["p4"]} for query, ids in RECORDS]
    sources = DataSources(
        str(write_lines(tmp_path / "train.jsonl", train)),
        str(write_lines(tmp_path / "corpus.jsonl", corpus)),
    )
    data = prepare(sources, tmp_path / "data")
    assert data.annotations == 5
    of_query = {"a": 3, "b": 1, "c": 1}
    for seed in range(4):
        kept, held = hold_out(data, 1, seed)
        (query,) = held.queries.values()
        assert kept.annotations == 5 - of_query[query.strip().lower()]
