"""``python -m pyserini_ext.index``; see :mod:`pyserini_ext.indexes.command`."""

from pyserini_ext.indexes.command import main

if __name__ == "__main__":
    raise SystemExit(main())
