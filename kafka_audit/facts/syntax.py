"""Which files do not parse, of those that nothing else is asked of?

This is apart from `extract`, because it takes half the time: nobody needs to know what is in such a file.
"""

from __future__ import annotations

import symtable
import warnings

from kafka_audit.facts.decoding import decoded
from kafka_audit.facts.schema import Flaw


def flaws(data: bytes) -> tuple[Flaw, ...]:
    """What cannot be read of a file whose facts nobody needs. Never raises.

    The compiler is asked first, because it is fast; the extractor, which knows newer grammars, has the last word about
    what that one refuses.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in audited code is its own business
            symtable.symtable(decoded(data), "file", "exec")
    except Exception:  # syntax, encoding, depth, memory: whatever it is, the extractor words it
        from kafka_audit.facts.extract import extract

        return extract(data).flaws
    return ()
