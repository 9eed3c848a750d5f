"""When a student counts as collapsed."""

import pytest
import torch

from llm_encoders.distill_query.health import CollapseMonitor, collapse_of
from llm_encoders.distill_query.recipe.sections import Health
from llm_encoders.train.health import Collapse

ALIKE = torch.tensor([[1.0, 2.0], [1.0, 2.0001]])
SOUND = torch.tensor([[1.0, 2.0], [2.0, 1.0]])


@pytest.mark.parametrize(
    ("vectors", "sparse", "words"),
    [
        (ALIKE, False, "alike"),
        (ALIKE, True, "alike"),
        (torch.zeros(2, 2), False, "zero"),
        (torch.zeros(2, 2), True, "no query has a term"),
        (torch.zeros(1, 2), True, "no query has a term"),
        (SOUND, False, None),
        (ALIKE[:1], False, None),
    ],
)
def test_what_is_wrong(vectors, sparse, words):
    found = collapse_of(vectors, sparse)
    assert found is None if words is None else words in found


def test_patience(capsys):
    monitor = CollapseMonitor(False, Health(patience=2))
    for vectors in (ALIKE, SOUND, ALIKE):
        monitor.observe(vectors, 1)
    with pytest.raises(Collapse, match="Step 4: for 2 steps the vectors of all queries are alike"):
        monitor.observe(ALIKE, 4)
    warned = CollapseMonitor(False, Health("warn", 1))
    for step in (1, 2):
        warned.observe(ALIKE, step)
    assert capsys.readouterr().err.count("warning: Step 1") == 1
    CollapseMonitor(False, Health("off", 1)).observe(ALIKE, 1)
