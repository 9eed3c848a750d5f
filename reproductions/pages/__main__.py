"""``python -m reproductions.pages``: write every page, and remove those of models that are gone."""

from reproductions.pages import FOLDER, all_pages


def main() -> None:
    """Write what differs, and say what."""
    pages = all_pages()
    for path in sorted((FOLDER / "models").glob("*.md")):
        if f"models/{path.name}" not in pages:
            path.unlink()
            print(f"removed {path}")
    for name, text in pages.items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
