"""``python -m pyserini_ext.quickstart``: compare BM25, sparse, dense and their fusion."""

import sys

if __name__ == "__main__":
    try:
        from pyserini_ext.quickstart.command import main

        code = main()
    except KeyboardInterrupt:  # also while modules are imported
        print("Interrupted.", file=sys.stderr)
        code = 130
    raise SystemExit(code)
