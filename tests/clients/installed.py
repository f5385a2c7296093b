"""How do the tests get at the real client classes?"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from kafka_audit.catalog.clients import CLIENTS

AUDITED = [client for client in CLIENTS if client.role != "framework"]
GONE = {"kafka.KafkaClient"}
"""Clients that only older releases have: kafka-python 3.0 removed its low-level client."""
PRESENT = [client for client in AUDITED if client.name not in GONE]


def load(dotted: str) -> Any:
    """Import an object by its dotted name; raises ImportError or AttributeError as an import statement would."""
    module, _, name = dotted.rpartition(".")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # kafka-python 3.0 emits a hundred deprecation warnings of importlib.resources
        return getattr(importlib.import_module(module), name)
