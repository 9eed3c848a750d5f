"""The page on all named encoders with a repository: contracts, licences, and what is refused."""

from llm_encoders.models.listing import in_a_line
from llm_encoders.registry import Preset, presets
from reproductions.pages.markdown import table
from reproductions.pages.model import conditions_of
from reproductions.pages.templates import render


def page() -> str:
    """The page."""
    shown = [one for one in presets().values() if one.repository]
    loaded = [_row(one) for one in shown if not one.unavailable]
    refused = [f"- `{one.repository}`: {one.unavailable}" for one in shown if one.unavailable]
    return render(
        "checkpoints",
        "llm_encoders/presets",
        loaded=table(("name", "repository", "contract", "licence"), loaded),
        refused="\n".join(refused),
    )


def _row(preset: Preset) -> tuple[str, ...]:
    name = f"`{preset.name}`"
    if preset.name in conditions_of():
        name = f"[{name}](models/{preset.name}.md)"
    contract = in_a_line(preset).replace("|", "\\|")
    repository = f"[{preset.repository}](https://huggingface.co/{preset.repository})"
    return name, repository, f"`{contract}`", preset.licence
