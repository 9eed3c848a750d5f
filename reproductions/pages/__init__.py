"""The pages of this folder that are made from conditions, presets and recipes.

``python -m reproductions.pages``, at the top of the repository, writes them. None is edited by
hand: a test compares every page with what this package makes of it.
"""

from pathlib import Path

from reproductions.pages import (
    checkpoints,
    collections,
    index,
    model,
    negatives,
    scaling,
    scalingnote,
    tiny,
    training,
)

FOLDER = Path(__file__).parents[1]
"""What pages are relative to: ``reproductions``."""


def all_pages() -> dict[str, str]:
    """The text of every page by its path in :data:`FOLDER`."""
    return {
        **{f"models/{name}.md": text for name, text in model.pages().items()},
        "models/tiny.md": tiny.page(),
        "checkpoints.md": checkpoints.page(),
        "collections.md": collections.page(),
        "training.md": training.page(),
        "negatives.md": negatives.page(),
        "scalingnote.md": scalingnote.page(),
        "scaling-laws.md": scaling.page(),
        "README.md": index.page(),
    }
