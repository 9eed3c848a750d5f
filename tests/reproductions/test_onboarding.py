"""The picture of onboarding.md: it shows what the encoder gives today."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from reproductions.onboarding import terms

PICTURE = Path(terms.__file__).with_name("terms.svg")
SVG = "{http://www.w3.org/2000/svg}"


def drawn(path: Path) -> list[terms.Bar]:
    """The bars of the picture, read from its elements."""
    found: list[terms.Bar] = []
    labels: list[str] = []
    for element in ElementTree.parse(path).getroot():
        value = element.find(f"{SVG}title")
        if element.tag == f"{SVG}text" and element.get("text-anchor") == "end":
            labels.append(element.text or "")
        elif value is not None and element.get("height") == "9":
            found.append(
                terms.Bar(labels[-1], int(value.text or ""), 0, element.get("fill") == "#2b6cb0")
            )
        elif value is not None:
            old = found.pop()
            found.append(terms.Bar(old.term, old.impact, int(value.text or ""), old.written))
    return found


def test_the_picture_is_the_one_that_its_script_draws():
    shown, today = drawn(PICTURE), terms.bars(terms.Texts())
    assert {bar.term: bar.written for bar in shown} == {bar.term: bar.written for bar in today}
    impacts = {bar.term: bar for bar in today}
    for bar in shown:  # another processor may round another way
        assert bar.impact == pytest.approx(impacts[bar.term].impact, abs=1)
        assert bar.query == pytest.approx(impacts[bar.term].query, abs=1)
    assert terms.draw(shown, terms.Texts()) == PICTURE.read_text(encoding="utf-8")


def test_bars_by_hand():
    rows = [terms.Bar("Ġa&b", 10, 0, True), terms.Bar("x", 5, 20, False)]
    picture = terms.draw(rows, terms.Texts(query="<q>"))
    assert "query “&lt;q&gt;”" in picture
    assert ">Ġa&amp;b</text>" in picture
    blue, orange, grey = "#2b6cb0", "#dd8a2b", "#555555"
    assert f'y="36" width="24.0" height="9" fill="{blue}"><title>10</title>' in picture
    assert f'y="54" width="12.0" height="9" fill="{orange}"><title>5</title>' in picture
    assert f'y="64" width="48.0" height="4" fill="{grey}"><title>20</title>' in picture
    assert picture.count('height="4"') == 1


def test_the_command(monkeypatch, capsys):
    words = ["terms.py", "--title", "", "--text", "the coast", "--query", "beach"]
    monkeypatch.setattr("sys.argv", words)
    terms.main()
    picture = capsys.readouterr().out
    (coast,) = re.findall(r'>Ġcoast</text>\n<rect [^>]*fill="([^"]+)"', picture)
    (beach,) = re.findall(r'>Ġbeach</text>\n<rect [^>]*fill="([^"]+)"', picture)
    assert (coast, beach) == ("#2b6cb0", "#dd8a2b") and "query “beach”" in picture
