"""What does one line of a requirement file, or one constraint in Poetry's own notation, allow?"""

from __future__ import annotations

import re
from collections.abc import Iterator


def requirement(line: str) -> Iterator[tuple[str, str]]:
    """The distribution, in its normal form, and the specifier of a requirement; nothing for any other line."""
    text = re.split(r"\s#|^#|\s--hash|\s\\$|\\$", line, maxsplit=1)[0].strip()
    if not text or text.startswith("-"):
        return
    from packaging.requirements import InvalidRequirement, Requirement  # late: most audits ask for no version
    from packaging.utils import canonicalize_name

    try:
        found = Requirement(text)
    except InvalidRequirement:
        return
    yield canonicalize_name(found.name), str(found.specifier)


def poetry_specifier(constraint: str) -> str:
    """Poetry's notation in the standard's terms: `^2.0.2` is `>=2.0.2,<3`. Empty when it is not understood."""
    parts = [_part(part.strip()) for part in constraint.split(",")]
    return ",".join(part for part in parts if part) if None not in parts else ""


def _part(part: str) -> str | None:
    """One of the conditions, empty for "any"; None when it is not understood."""
    if part in {"", "*"}:
        return ""
    match = re.fullmatch(r"(\^|~(?!=)|~=|===?|!=|<=|>=|<|>)?\s*v?([0-9][\w.+]*)(\.\*)?", part)
    if match is None:
        return None
    sign, version, star = match[1] or "==", match[2], match[3] or ""
    if sign in {"^", "~"}:
        return f">={version},<{_next(version, sign)}"
    return f"{sign}{version}{star}"


def _next(version: str, sign: str) -> str:
    """The first version that `^version` or `~version` does not allow any more."""
    numbers = [int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3]]
    if sign == "~":
        raised = min(1, len(numbers) - 1)
    else:
        raised = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)
    return ".".join(str(number) for number in [*numbers[:raised], numbers[raised] + 1])


def specifier_allows(specifier: str, other: str) -> bool:
    """Whether the version that `other` pins (`==1.2`) satisfies the specifier."""
    from packaging.specifiers import SpecifierSet

    try:
        return SpecifierSet(specifier).contains(other.lstrip("= "), prereleases=True)
    except ValueError:  # InvalidSpecifier and InvalidVersion are ValueErrors
        return False
