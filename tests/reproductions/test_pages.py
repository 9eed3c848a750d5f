"""The pages are what ``python -m reproductions.pages`` makes of conditions, presets and recipes."""

import re
from pathlib import Path

import pytest
import yaml

from llm_encoders import registry
from llm_encoders.errors import UsageError
from pyserini_ext.conditions import FAMILIES, load_conditions, load_family
from reproductions.pages import FOLDER, all_pages, cost, log, scores, tiny

CURE = "run python -m reproductions.pages"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return all_pages()


def test_every_page_is_as_it_is_made(pages):
    found = {name: (FOLDER / name).read_text(encoding="utf-8") for name in pages}
    assert [name for name in pages if found[name] != pages[name]] == [], CURE


def test_no_page_of_a_model_is_left_over(pages):
    found = {f"models/{path.name}" for path in (FOLDER / "models").iterdir()}
    assert found == {name for name in pages if name.startswith("models/")}, CURE


def test_every_condition_is_on_a_page_and_in_the_index(pages):
    for condition in load_conditions():
        tiny = condition.family.name == "tiny"
        name = f"models/{'tiny' if tiny else condition.encoders[0]}.md"
        command = "tiny" if tiny else condition.selector
        assert f"python -m pyserini_ext.regress {command} --data" in pages[name]
        assert f"({name})" in pages["README.md"]


def test_every_score_of_a_condition_is_on_its_page(pages):
    for condition in load_conditions():
        tiny = condition.family.name == "tiny"
        page = pages[f"models/{'tiny' if tiny else condition.encoders[0]}.md"]
        for task in condition.tasks:
            cells = [
                line.split(" | ")
                for line in page.splitlines()
                if line.startswith(
                    f"| {task.key} | {condition.name} " if tiny else f"| `{task.key}`"
                )
            ]
            for score in task.scores.values():
                assert any(
                    float(cell.strip(" |")) == score.value
                    for row in cells
                    for cell in row
                    if re.fullmatch(r"[01]\.\d+( \|)?", cell)
                )


def anchors(page: Path) -> set[str]:
    """Of the headings of a page, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


def test_links_lead_somewhere():
    """Of all pages of the folder, made or written by hand."""
    for path in [*FOLDER.rglob("*.md"), *FOLDER.parent.glob("*.md")]:
        if path.parent.name == "templates":
            continue
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)]*)\)", text):
            if "://" not in target:
                found = path.parent / target if target else path
                assert found.exists(), f"{path}: {target}"
                assert not anchor or anchor in anchors(found), f"{path}: {target}#{anchor}"


def test_a_score_has_the_decimals_of_its_source():
    by_name = {one.selector: one for one in load_conditions()}
    three = by_name["msmarco-v1-passage/repllama-v1-7b"]
    assert "| 0.412 |" in scores.expected(three)  # 41.2 %
    four = by_name["bright/diver-retriever-4b.faiss-flat"]
    assert "| 0.2090 |" in scores.expected(four)


def test_a_mean_of_the_index_is_that_of_the_page(pages):
    for name in ("diver-retriever-4b", "reason-embed-qwen3-4b"):
        bright = pages[f"models/{name}.md"].partition("### Evaluation (BRIGHT)")[2]
        values = [float(one) for one in re.findall(r"^\| `[\w-]+` \| ([\d.]+) \|", bright, re.M)]
        assert len(values) == 12
        (row,) = re.findall(rf"^\| \[{name}\].*$", pages["README.md"], re.M)
        mean, published, _ = row.split(" | ")[-1].split()
        assert float(mean) == pytest.approx(sum(values) / 12, abs=5e-5) and published == "*p*"


def test_an_estimate_is_the_arithmetic_of_a_measured_rate():
    rate = cost.rate_of(registry.presets()["llm-dense-8b"])
    seconds = rate.tokens / rate.tokens_a_second  # of the documents that were measured
    hours = seconds / rate.documents * 8_841_823 / 3600
    text = cost.section(registry.presets()["llm-dense-8b"])
    assert f"take {hours:,.1f} hours" in text and "not measured" in text
    assert "144.9 GB" in text  # 8,841,823 x 4,096 x 4 bytes
    assert cost.rate_of(registry.presets()["laconic-8b"]) is None


ENTRY = """
entries:
  - page: training.md
    user: somebody
    date: 2026-11-27
    repository: https://github.com/owner/name
    commit: "0123456789012345678901234567890123456789"
"""


def test_a_log_has_the_form_of_pyserinis(monkeypatch):
    monkeypatch.setattr(log, "read_text", lambda path: ENTRY)
    commit = "0123456789012345678901234567890123456789"
    assert (
        "+ Results reproduced by [@somebody](https://github.com/somebody) on 2026-11-27 (commit "
        f"[`0123456`](https://github.com/owner/name/commit/{commit}))\n"
    ) in log.log("training.md")
    assert "Nobody has" in log.log("negatives.md")


@pytest.mark.parametrize(
    "old, new",
    [("2026-11-27", "27.11.2026"), ("user:", "name:"), ("01234567", "0123"), ("training.md", "x")],
)
def test_a_wrong_entry_is_refused(old, new):
    with pytest.raises(UsageError, match="entry 1"):
        log.read_entries(ENTRY.replace(old, new, 1))


def test_what_prints_commands_runs_none(pages):
    """Without ``--dry-run``, Pyserini's harness runs what it displays."""
    calls = [
        call
        for text in pages.values()
        for call in re.findall(r"python -m pyserini\.2cr\..*", text.replace("\\\n", " "))
    ]
    assert len(calls) > 50
    assert all("--display-commands --dry-run" in " ".join(call.split()) for call in calls)


def test_measured_scores_of_the_tiny_models_are_shown_with_their_source(tmp_path):
    text = (FOLDER / "conditions" / "tiny.yaml").read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    values["conditions"] = values["conditions"][:1]
    (one,) = values["conditions"]
    one["source"] = {"version": "0.1.0", "date": "2026-11-27", "machine": "two cores"}
    for number, task in enumerate(one["datasets"]):
        task["scores"] = [{"nDCG@10": 0.3210, "R@100": 0.25 + number / 1e4}]
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    shown = tiny.expected(load_family(FAMILIES["tiny"], tmp_path)).splitlines()
    source = "measured: version 0.1.0, 2026-11-27, two cores"
    assert f"| nfcorpus | {one['name']} | 0.3210 | 0.2500 |  | {source} |" in shown
    assert f"| scifact | {one['name']} | 0.3210 | 0.2501 |  | {source} |" in shown
