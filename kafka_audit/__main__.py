"""`python -m kafka_audit`."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # `-m` looks for modules in the current folder first. That is what is audited: a `typer.py` in it is not to be run.
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if not getattr(sys.flags, "safe_path", False) and os.path.abspath(sys.path[0]) != own:  # the flag is 3.11's
        del sys.path[0]
    from kafka_audit.cli import main

    main()
