"""One page a model, with a section for each family of collections that it has conditions on.

A page for each model *and* family would be over a hundred files that differ in a name, and the
expected scores of a model would stand apart.
"""

from llm_encoders.errors import listed
from llm_encoders.models.contract import known_contract
from llm_encoders.models.listing import in_a_line
from llm_encoders.registry import Preset, presets
from pyserini_ext.conditions import Condition, load_conditions
from reproductions.pages import cost, family_section
from reproductions.pages.log import log
from reproductions.pages.markdown import block, table
from reproductions.pages.templates import render

_TINY = "tiny"
_OURS = ("llm-splade-", "llm-dense-")


def conditions_of() -> dict[str, list[Condition]]:
    """The conditions of each named encoder with a repository, by its name; ours first."""
    found: dict[str, list[Condition]] = {}
    for condition in load_conditions():
        if condition.family.name != _TINY:
            (name,) = condition.encoders
            found.setdefault(name, []).append(condition)
    return {name: found[name] for name in sorted(found, key=_ours_first)}


def _ours_first(name: str) -> tuple[bool, str]:
    return not name.startswith(_OURS), name


def pages() -> dict[str, str]:
    """The page of every model that has conditions, by its name."""
    return {name: page(presets()[name], own) for name, own in conditions_of().items()}


def page(preset: Preset, conditions: list[Condition]) -> str:
    """The page of a model.

    Args:
        preset: its name, contract, citation and licence.
        conditions: the families that it is run on.
    """
    links = [f"[{one.family.title}](#{anchor(one.family.title)})" for one in conditions]
    look = [
        f"python -m llm_encoders.models {preset.name}",
        f"python -m pyserini_ext.doctor --encoder {preset.name}",
    ]
    return render(
        "model",
        "reproductions/pages/templates/family.md",
        "llm_encoders/presets",
        "reproductions/conditions",
        name=preset.name,
        description=preset.description,
        links=listed(links),
        facts=facts(preset),
        citation=" ".join(preset.citation.split()),
        look=block(look),
        sections="\n".join(family_section.section(one, preset.dimension) for one in conditions),
        other_scores=_other_scores(preset, conditions),
        cost=cost.section(preset),
        log=log(f"models/{preset.name}.md"),
    )


def anchor(title: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    kept = "".join(one for one in title.lower() if one.isalnum() or one in " -_")
    return kept.replace(" ", "-")


def facts(preset: Preset) -> str:
    """What the model is, as a table."""
    contract, _ = known_contract(preset)
    line = in_a_line(preset).replace("|", "\\|")
    rows = {
        "paradigm": contract.paradigm,
        "parameters": preset.parameters,
        "weights": hub(preset.repository) + (" (LoRA adapter)" if preset.adapter else ""),
        "backbone": preset.backbone and hub(preset.backbone),
        "tokenizer": preset.tokenizer and hub(preset.tokenizer),
        "components of a vector": preset.dimension and f"{preset.dimension:,}",
        "contract": f"`{line}`",
        "licence": preset.licence,
    }
    return table(("", ""), [(key, value) for key, value in rows.items() if value])


def hub(name: str | None) -> str:
    """A repository of the Hub as a link."""
    return f"[{name}](https://huggingface.co/{name})"


def _other_scores(preset: Preset, conditions: list[Condition]) -> str:
    """Published scores that belong to none of the conditions."""
    known = {
        (dataset, measure)
        for one in conditions
        for dataset in one.family.published_as
        for measure in (
            *one.family.published_measures,
            *(m for task in one.tasks for m in one.family.measures_for(task.key)),
        )
    }
    rows = [
        (one["dataset"], one["metric"], f"{one['value']}", f"{one['source']}; not run here")
        for one in preset.scores
        if (one["dataset"], one["metric"]) not in known
    ]
    if not rows:
        return ""
    head = table(("dataset", "measure", "published", "source"), rows)
    return f"\n## Other published scores\n\nIn percent, as published.\n\n{head}"
