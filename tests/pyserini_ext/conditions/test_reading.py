"""Files of conditions are read strictly; errors name the line."""

import textwrap

import pytest

from llm_encoders.errors import UsageError
from pyserini_ext.conditions import FAMILIES, load_family
from pyserini_ext.conditions.reading import read_conditions

COMMAND = (
    "python -m pyserini.encode --encoder llm-splade-tiny --corpus collections/${dataset} "
    "--embeddings indexes/${dataset} --to-lucene && python -m pyserini.search.lucene --impact "
    "--index indexes/${dataset} --topics beir-v1.0.0-${dataset}-test --output $output"
)
GOOD = f"""\
conditions:
  - name: mine
    command: {COMMAND}
    datasets:
      - dataset: scifact
        scores:
          - nDCG@10: 0.6012
            R@100: 0.9000
        source:
          published: A Paper, Table 1
        flaky:
          R@100: 0.002
      - dataset: nfcorpus
        scores: []
"""


@pytest.fixture
def read(tmp_path):
    def read(text, family="beir"):
        path = tmp_path / f"{family}.yaml"
        path.write_text(text, encoding="utf-8")
        return read_conditions(path, FAMILIES[family])

    return read


def test_what_a_file_says(read):
    (condition,) = read(GOOD)
    assert (condition.selector, condition.display) == ("beir/mine", "mine")
    assert condition.encoders == ("llm-splade-tiny",)
    first, second = condition.tasks
    assert (first.key, first.evaluation) == ("scifact", "beir-v1.0.0-scifact-test")
    assert {m: (s.value, s.flaky) for m, s in first.scores.items()} == {
        "nDCG@10": (0.6012, 0.0),
        "R@100": (0.9, 0.002),
    }
    assert str(first.scores["R@100"].source) == "published: A Paper, Table 1"
    assert second.scores == {}
    encode, search = second.steps()
    assert encode.text == (
        "python -m pyserini.encode --encoder llm-splade-tiny --corpus collections/nfcorpus "
        "--embeddings indexes/nfcorpus --to-lucene"
    )
    assert encode.collections == ("collections/nfcorpus",) and encode.output == "indexes/nfcorpus"
    assert search.output == second.run == "run.beir.mine.nfcorpus.txt"
    assert search.reads(encode.output) and not search.reads("indexes/nfc")
    assert second.steps("other.txt")[-1].output == "other.txt"
    (one,) = second.evaluations()
    assert one.text == (
        "python -m pyserini.eval.trec_eval -c -m ndcg_cut.10 -m recall.100,1000 "
        "beir-v1.0.0-nfcorpus-test run.beir.mine.nfcorpus.txt"
    )
    (one,) = second.evaluations("qrels.txt")
    assert one.words[-2:] == ["qrels.txt", second.run]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("    datasets:", "    dataset:", "line 4: unknown key 'dataset'. Did you mean 'datasets'"),
        ("  - name: mine", "  - display: mine", "line 2: the key 'name' is missing"),
        ("nDCG@10: 0", "nDCG@1: 0", "line 7: unknown key 'nDCG@1'. Did you mean 'nDCG@10'"),
        ("nDCG@10: 0.6012", "nDCG@10: 60.12", "line 7: nDCG@10 is 60.12, no fraction"),
        ("nDCG@10: 0.6012", "nDCG@10: 0.60121", "line 7: nDCG@10 has more than 4 digits"),
        ("nDCG@10: 0.6012", "nDCG@10: yes", "line 7: nDCG@10 is True, no fraction"),
        ("dataset: scifact", "dataset: scifcat", "line 5: no 'scifcat' in BEIR. Did you mean"),
        ("dataset: nfcorpus", "dataset: scifact", "line 13: 'scifact' occurs twice"),
        ("published: A", "read: A", "line 10: unknown key 'read'"),
        ("published: A Paper, Table 1", "version: 0.1.0", "line 9: a source has 'published'"),
        (": A Paper, Table 1", ": A\n          date: 2026-01-02", "line 9: a source has 'publ"),
        ("          published: A Paper, Table 1\n", "", "line 9: expected keys and values"),
        ("        source:\n          published: A Paper, Table 1\n", "", "line 7: nDCG@10 has no"),
        ("R@100: 0.002", "R@1O0: 0.002", "line 12: unknown key 'R@1O0'. Did you mean 'R@100'"),
        ("R@100: 0.002", "R@100: much", "line 12: R@100 is flaky by much; expected"),
        ("R@100: 0.002", "R@100: .inf", "line 12: R@100 is flaky by inf; expected"),
        ("R@100: 0.002", "R@1000: 0.002", "line 12: there is no score of R@1000"),
        ("-m pyserini.encode", "-m pyserini.encod", "line 3: no condition runs 'pyserini.encod'"),
        (" && ", " ; ", "line 3: the command has ';'"),
        ("python -m pyserini.encode", "rm -r", "line 3: the step 'rm -r"),
        ("--output $output", "--output run.txt", "line 3: the last step does not write"),
        ("--output $output", "--output", "line 3: the step pyserini.search.lucene needs one"),
        ("${dataset} --emb", "${datset} --emb", r"line 3: .*\{datset\}.* Did you mean 'dataset'"),
        ("--impact", "'--impact", "line 3: the command does not parse"),
        ("--impact", "$1", "line 3: .* begins no variable"),
    ],
)
def test_faults_and_their_lines(read, old, new, problem):
    assert old in GOOD
    with pytest.raises(UsageError, match=problem):
        read(GOOD.replace(old, new, 1))


def test_the_prefix_of_a_dataset_is_filled_in(read):
    text = GOOD.replace("--impact", "--query-prefix '${query_prefix}'")
    text = text.replace("dataset: scifact", "dataset: pony\n        query_prefix: Find, please")
    (condition,) = read(text.replace("dataset: nfcorpus", "dataset: aops"), "bright")
    prefixes = [task.steps()[-1].values("--query-prefix") for task in condition.tasks]
    assert prefixes == [["Find, please"], [""]]


def test_two_conditions_of_one_name(read):
    with pytest.raises(UsageError, match="line 15: there is another condition 'mine'"):
        read(GOOD + textwrap.dedent(GOOD).partition("conditions:\n")[2])


def test_topic_sets_name_the_qrels_of_pyserini(read):
    text = GOOD.replace("datasets:", "topics:").replace(
        "dataset: scifact", "topic_key: dl19-passage"
    )
    text = text.replace("${dataset}", "$topics").partition("      - dataset: nf")[0]
    text = text.replace(
        "    command", "    display: x\n    display-html: x\n    display-row: ''\n    command"
    )
    text = text.replace("R@100", "R@1K").replace(
        "        scores:", "        eval_key: dl19-doc\n        scores:"
    )
    with pytest.raises(UsageError, match="line 9: the qrels of dl19-passage are 'dl19-passage'"):
        read(text, "msmarco-v1-passage")
    (condition,) = read(text.replace("dl19-doc", "dl19-passage"), "msmarco-v1-passage")
    assert condition.tasks[0].run == "run.msmarco-v1-passage.mine.dl19.txt"


def test_a_score_that_a_preset_has_is_not_said_again(tmp_path):
    name, source = "laconic-1b", "        source: {published: elsewhere}\n"
    text = GOOD.replace("llm-splade-tiny", name)
    (tmp_path / "beir.yaml").write_text(text)
    with pytest.raises(UsageError, match="the preset laconic-1b has nDCG@10 already"):
        load_family(FAMILIES["beir"], tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "beir.yaml").write_text(
        text.replace("- nDCG@10: 0.6012\n           ", "-") + source * 0
    )
    (condition,) = load_family(FAMILIES["beir"], other)
    scores = condition.tasks[0].scores
    assert scores["nDCG@10"].value == 0.752 and "tevatron" in scores["nDCG@10"].source.published
    assert scores["R@100"].value == 0.9
