"""kafka-audit: which Kafka clients does Python code create, and is each of them released?

`audit(Settings(paths=("app",)))` is the whole tool for a program; the command line is `kafka_audit.cli`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kafka_audit.pipeline import audit as audit
    from kafka_audit.settings import ConfigError as ConfigError
    from kafka_audit.settings import Settings as Settings

__version__ = "0.1.0"
__all__ = ["ConfigError", "Settings", "__version__", "audit"]

_HOMES = {"ConfigError": "kafka_audit.settings", "Settings": "kafka_audit.settings", "audit": "kafka_audit.pipeline"}


def __getattr__(name: str) -> Any:
    """Import the public names when they are used: asking for the version must not load a parser."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
