"""What a model's page says of one family of collections: commands from download to evaluation."""

from pyserini_ext.conditions import Condition, Step, Task
from reproductions.pages import collections, scores
from reproductions.pages.markdown import block
from reproductions.pages.templates import render

_HARNESS = {
    "msmarco-v1-passage": "python -m pyserini.2cr.msmarco --collection v1-passage",
    "beir": "python -m pyserini.2cr.beir",
    "bright": "python -m pyserini.2cr.bright",
}
_SHOWN_KEY = {"beir": "nfcorpus", "bright": "biology"}
"""The dataset whose commands are shown; other families show all keys."""
_JSONL = "vectors"


def section(condition: Condition, dimension: int | None) -> str:
    """The section of a page.

    Args:
        condition: a system on the family.
        dimension: components of its vectors, where they are dense and it is known.
    """
    family = condition.family
    tasks = _shown(condition)
    encode = [step for step in tasks[0].steps() if step.module == "pyserini.encode"]
    whole = [
        f"python -m pyserini_ext.regress {condition.selector} --data collections",
        f"{_HARNESS[family.name]} --condition {condition.name} --display-commands --dry-run",
    ]
    return render(
        "family",
        title=family.title,
        whole=block(whole),
        compared=_compared(condition),
        others=_others(condition),
        preparation=collections.preparation(family.name),
        direct=block(step.text for step in encode),
        unknown=_unknown(encode, dimension),
        jsonl=block(text for step in encode for text in jsonl_way(step, dimension)),
        retrieval=block(task.steps()[-1].text for task in tasks),
        evaluation=block(one.text for task in tasks for one in task.evaluations()),
        expected=scores.expected(condition),
    )


def _compared(condition: Condition) -> str:
    """What becomes of the scores."""
    if any(task.scores for task in condition.tasks):
        return " and compares the scores with the expected ones"
    return "; there are no expected scores to compare with"


def _unknown(steps: list[Step], dimension: int | None) -> str:
    """What to put in the place of the number of components."""
    if dimension is not None or not any("--to-faiss" in step.words for step in steps):
        return ""
    return (
        "\n(`DIMENSION` stands for the number of components, the length of a `vector` in the JSONL)"
    )


def _shown(condition: Condition) -> list[Task]:
    key = _SHOWN_KEY.get(condition.family.name)
    return [task for task in condition.tasks if key in (None, task.key)]


def _others(condition: Condition) -> str:
    """How the commands that are not shown are found."""
    key = _SHOWN_KEY.get(condition.family.name)
    if key is None:
        return ""
    return (
        f"The steps below are those of `{key}`; that command prints them for all "
        f"{len(condition.tasks)} datasets.\n"
    )


def jsonl_way(step: Step, dimension: int | None) -> list[str]:
    """The commands that encode to JSONL and make the same index of it.

    Args:
        step: an encode command that writes an index directly.
        dimension: components of a dense vector; ``None`` where it is not known.
    """
    folder = step.output.replace("indexes", _JSONL, 1)
    words = [word for word in step.words if word not in ("--to-lucene", "--to-faiss")]
    encode = Step(step.module, tuple(words)).with_value("--embeddings", folder)
    if "--to-lucene" in step.words:
        return [
            encode.text,
            f"python -m pyserini.index.lucene --collection JsonVectorCollection --input {folder} "
            f"--index {step.output} --generator DefaultLuceneDocumentGenerator --threads 16 "
            "--impact --pretokenized",
        ]
    components = dimension or "DIMENSION"
    return [
        encode.text,
        f"python -m pyserini.index.faiss --input {folder} --output {step.output} "
        f"--dim {components}",
    ]
