"""The block of the README from pairs to a plan, pasted into a shell, at tiny scale."""

import json
import random

import pytest

from llm_encoders.scaling.laws.file import read_laws
from tests.conftest import REPOSITORY
from tests.llm_encoders.conftest import TOPICS
from tests.test_readme import paste, script

pytestmark = [pytest.mark.slow, pytest.mark.whole]

TRAINED = "output=runs/laws/$SIZE-$PAIRS \\"
SMALLER = {
    "1000 pairs": "300 pairs",
    "+1001": "+301",
    "2000 8000 32000": "40 80 160",
    TRAINED: TRAINED[:-1] + "schedule.steps=12 schedule.learning_rate=5e-4 schedule.queries=16 "
    "data.random_negatives=16 evaluation.held_out=8 evaluation.every=null device=cpu \\",
}


def test_from_pairs_to_a_plan(tmp_path, warm_executable):
    generator = random.Random(0)
    with (tmp_path / "pairs.jsonl").open("w", encoding="utf-8") as stream:
        for number in range(460):
            topic, text = generator.choice(list(TOPICS.items()))
            words = text.split()
            chosen = [words[place] for place in sorted(generator.sample(range(len(words)), 5))]
            record = {"query": f"{topic} {chosen[0]}", "passage": f"{' '.join(chosen)} {number}"}
            stream.write(json.dumps(record) + "\n")
    (tmp_path / "reproductions").symlink_to(REPOSITORY / "reproductions")
    text = script("README.md", "Scaling laws")
    for usual, smaller in SMALLER.items():
        assert usual in text
        text = text.replace(usual, smaller)
    shown = paste(text, tmp_path, warm_executable)
    points = (tmp_path / "runs" / "laws" / "points.csv").read_text(encoding="utf-8").splitlines()
    assert len(points) == 1 + 9
    assert read_laws(tmp_path / "runs" / "laws" / "laws.json").find("joint")
    assert "The lowest entropy for 20K" in shown
