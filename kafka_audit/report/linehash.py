"""How does GitHub's code scanning know a line again: the hash that it calls `primaryLocationLineHash`?

A line's hash is a polynomial in 37, modulo 2 to the 64, over the hundred characters from its start on, blanks and tabs
left out, zeros behind the end of the file; equal hashes of one file are numbered. Described by the service's own
upload action, which computes it when a log has none: a log that has it is matched in the same way however it is sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

_WINDOW = 100
_BASE = 37
_MODULUS = 1 << 64
_END = 0xFFFF


def line_hashes(lines: Sequence[str]) -> list[str]:
    """The hash of each line of a file, whose lines are given without their ends."""
    text = "\n".join(lines)
    starts, units = [0], []
    for char in text:
        if char not in " \t":
            units.extend(_units(char))
        if char == "\n":
            starts.append(len(units))
    padded = [*units, _END, *[0] * _WINDOW]
    seen: Counter[int] = Counter()
    hashes = []
    for start in starts:
        value = 0
        for unit in padded[start : start + _WINDOW]:
            value = (value * _BASE + unit) % _MODULUS
        seen[value] += 1
        hashes.append(f"{value:x}:{seen[value]}")
    return hashes


def _units(char: str) -> list[int]:
    """The character as UTF-16 code units, which is what the service counts."""
    data = char.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
