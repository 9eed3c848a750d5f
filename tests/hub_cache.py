"""A local cache of the Hub, as ``huggingface_hub`` lays it out, filled from folders."""

import shutil
from pathlib import Path

COMMIT = "0" * 40


def add_repository(cache: Path, repo_id: str, source: Path, without: tuple[str, ...] = ()) -> Path:
    """Put a folder into the cache as the main branch of a repository.

    Args:
        cache: folder of the cache (``HF_HUB_CACHE``).
        repo_id: ``organisation/repository``.
        source: its files.
        without: files or folders that were not fetched.

    Returns:
        The folder with the files.
    """
    repository = cache / f"models--{repo_id.replace('/', '--')}"
    snapshot = repository / "snapshots" / COMMIT
    shutil.copytree(source, snapshot, ignore=shutil.ignore_patterns(*without))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    return snapshot
