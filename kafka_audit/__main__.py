"""`python -m kafka_audit`."""

from __future__ import annotations

from kafka_audit.cli import main

if __name__ == "__main__":
    main()
