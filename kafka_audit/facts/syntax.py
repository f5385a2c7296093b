"""Which files do not parse, of those that nothing else is asked of?

This is apart from `extract`, because the interpreter's own parser can say of nearly every file that it parses, and
importing LibCST takes longer than looking at a few files.
"""

from __future__ import annotations

import symtable
import warnings

from kafka_audit.facts.decoding import decoded
from kafka_audit.facts.schema import Flaw


def flaws(data: bytes) -> tuple[Flaw, ...]:
    """What cannot be read of a file whose facts nobody needs. Never raises.

    The interpreter's own parser is asked first, because it is fast; the extractor, which knows newer grammars, has the
    last word about what that one refuses.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in audited code is its own business
            symtable.symtable(decoded(data), "file", "exec")
    except Exception:  # syntax, encoding, depth, memory: whatever it is, the extractor words it
        from kafka_audit.facts.extract import extract

        return extract(data).flaws
    return ()
