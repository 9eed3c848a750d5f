"""The command line: what does not fit together, and what reaches the job."""

import pytest

from llm_encoders.scaling.augment import job
from llm_encoders.scaling.augment.augmentation import Augmentation, Generation, RoundTrip
from llm_encoders.scaling.augment.prompt import DEFAULT
from llm_encoders.scaling.command import main
from tests.llm_encoders.scaling.augment.conftest import lines


def command(corpus, tmp_path, kind, *words):
    return main(
        [
            "augment",
            "--kind",
            kind,
            "--corpus",
            str(corpus),
            "--output",
            str(tmp_path / "out.jsonl"),
            *map(str, words),
        ]
    )


def test_a_file_of_titles(corpus, tmp_path, capsys):
    assert command(corpus, tmp_path, "titles") == 0
    assert len(lines(tmp_path / "out.jsonl")) == 4
    assert command(corpus, tmp_path, "titles") == 0
    assert "out.jsonl is finished already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "words", "said"),
    [
        ("titles", ["--removal", 0.5], "--removal is for --kind inverse-cloze; with titles leave"),
        ("headings", ["--queries-per-passage", 2], "is for --kind inverse-cloze and generated"),
        ("titles", ["--with-title"], "--with-title is for --kind headings"),
        ("titles", ["--generator", "x"], "--generator is for --kind generated"),
        ("inverse-cloze", ["--batch-size", 2], "--batch-size is for --kind generated"),
        ("generated", [], "--kind generated needs --generator"),
        ("generated", ["--generator", "x", "--top-k", 2], "--top-k needs --temperature"),
        ("generated", ["--generator", "x", "--top-p", 0.5], "--top-p needs --temperature"),
        ("generated", ["--generator", "x", "--queries-per-passage", 2], "writes the same query"),
        ("generated", ["--generator", "nowhere"], "'nowhere' is neither a folder nor a Hub id"),
        ("titles", ["--depth", 3], "--depth needs --round-trip"),
        ("titles", ["--device", "cpu"], "--device is for models"),
        ("titles", ["--round-trip", "nowhere"], "nowhere"),
        (
            "titles",
            ["--round-trip", "llm-dense-tiny", "--device", "cuda:7"],
            "Device 'cuda:7' does not exist",
        ),
    ],
)
def test_what_does_not_fit_together_is_a_sentence(corpus, tmp_path, capsys, kind, words, said):
    assert command(corpus, tmp_path, kind, *words) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize(
    "words",
    [
        ["--temperature", "1e-300"],
        ["--removal", "0"],
        ["--removal", "1.5"],
        ["--limit", "0"],
        ["--kind", "crops"],
    ],
)
def test_values_out_of_bounds(corpus, tmp_path, words):
    with pytest.raises(SystemExit) as end:
        command(corpus, tmp_path, "inverse-cloze", *words)
    assert end.value.code == 2


def test_options_reach_the_job(corpus, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(job, "augment", lambda *words, **options: calls.append((words, options)))
    (tmp_path / "p.txt").write_text("{text}?\n")
    words = [
        "--generator",
        "g",
        "--chat",
        "--temperature",
        "0.7",
        "--top-k",
        "5",
        "--top-p",
        "0.9",
        "--query-tokens",
        "9",
        "--prompt-tokens",
        "99",
        "--batch-size",
        "3",
        "--dtype",
        "float16",
        "--queries-per-passage",
        "4",
        "--limit",
        "6",
        "--seed",
        "8",
        "--least-query",
        "2",
        "--least-passage",
        "7",
        "--most-passages",
        "1",
        "--on-error",
        "skip",
        "--round-trip",
        "e",
        "--depth",
        "11",
        "--device",
        "cpu",
        "--overwrite",
    ]
    assert command(corpus, tmp_path, "generated", "--prompt", tmp_path / "p.txt", *words) == 0
    assert command(corpus, tmp_path, "inverse-cloze", "--removal", 0.5) == 0
    assert command(corpus, tmp_path, "headings", "--with-title") == 0
    assert command(corpus, tmp_path, "generated", "--generator", "g", "--round-trip", "e") == 0
    (first, own), *others = calls
    assert first == (
        str(corpus),
        Augmentation(
            "generated", 4, limit=6, seed=8, least_query=2, least_passage=7, most_passages=1
        ),
        tmp_path / "out.jsonl",
    )
    assert own == {
        "generation": Generation("g", "{text}?", True, 0.7, 5, 0.9, 9, 99, 3, "float16"),
        "round_trip": RoundTrip("e", 11),
        "on_error": "skip",
        "device": "cpu",
        "overwrite": True,
    }
    assert [words[1] for words, _ in others] == [
        Augmentation("inverse-cloze", removal=0.5),
        Augmentation("headings", with_title=True),
        Augmentation("generated"),
    ]
    assert others[2][1]["generation"] == Generation("g", DEFAULT)
    assert others[2][1]["round_trip"] == RoundTrip("e", 20)
