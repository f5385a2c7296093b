"""Which identifier is meant by a name?"""

from __future__ import annotations

import unicodedata
from typing import Any


def identifier(node: Any) -> str:
    """The identifier of a `libcst.Name`: Python takes some letters for others, the parser keeps what is written."""
    written: str = node.value
    return written if written.isascii() else unicodedata.normalize("NFKC", written)
