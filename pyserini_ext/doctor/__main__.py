"""``python -m pyserini_ext.doctor``: what was found and chosen, what is wrong, and the cure."""

import sys

if __name__ == "__main__":
    try:
        from pyserini_ext.doctor.command import main

        code = main()
    except KeyboardInterrupt:  # also while modules are imported
        print("Interrupted.", file=sys.stderr)
        code = 130
    raise SystemExit(code)
