"""``python -m pyserini_ext.index``; see :mod:`pyserini_ext.indexes.command`."""

import sys

if __name__ == "__main__":
    try:
        from pyserini_ext.indexes.command import main

        code = main()
    except KeyboardInterrupt:  # while modules are imported
        print("Interrupted before anything was written.", file=sys.stderr)
        code = 130
    raise SystemExit(code)
