"""A finished encoder to the Hub."""

from pathlib import Path

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.train.recipe.recipe import Recipe


def require_publishable(recipe: Recipe) -> None:
    """Refuse, before training, to publish an adapter whose backbone nobody else could find.

    Raises:
        UsageError: the backbone is a folder of this machine, and only an adapter would be written.
    """
    if recipe.adapted and not recipe.saving.merged and Path(recipe.backbone).is_dir():
        raise UsageError(
            f"--push-to-hub: the adapter's backbone {recipe.backbone} is a folder of this machine; "
            "name the backbone by its Hub id, or write whole weights by saving.merged=true."
        )


def publish(folder: Path, names: list[str], repository: str) -> None:
    """Upload a finished encoder.

    Args:
        folder: where it is.
        names: the files that it consists of; others in the folder stay private.
        repository: ``ORGANISATION/NAME`` on the Hub.

    Raises:
        EncoderError: the Hub refuses; the encoder stays where it is.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        api.create_repo(repository, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=folder, allow_patterns=names)
    except Exception as error:  # the Hub's, the network's, the metadata check's
        raise EncoderError(
            f"{repository} was not published: {' '.join(str(error).split())} The encoder is whole "
            f"in {folder}; give the command again, without --overwrite, to publish it."
        ) from None
    print(f"Published as {repository}.")
