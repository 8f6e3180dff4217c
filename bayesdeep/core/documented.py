"""What a dataclass says of its fields: the ``Attributes`` sections of NumPy style docstrings, its own and those it inherits."""

import inspect
import re
from dataclasses import MISSING, dataclass, fields
from typing import Any

SECTION = re.compile(r"^Attributes\n-+\n(?P<body>.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Option:
    """A field as a user sees it: its name, its default, and what it is."""

    name: str
    default: Any
    text: str


def options_of(kind: type) -> tuple[Option, ...]:
    """Return the fields of a dataclass with their defaults and descriptions, in their order; several may share a description."""
    said: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        said |= _section(inspect.cleandoc(base.__doc__ or ""))
    return tuple(Option(f.name, None if f.default is MISSING else f.default, said.get(f.name, "")) for f in fields(kind))


def _section(text: str) -> dict[str, str]:
    found, names = dict[str, list[str]](), list[str]()
    match = SECTION.search(text)
    for line in match["body"].splitlines() if match else ():
        if line and not line.startswith(" "):
            names = [name.strip() for name in line.split(",")]
            found |= {name: [] for name in names}
        else:
            for name in names:
                found[name].append(line.strip())
    return {name: " ".join(filter(None, lines)) for name, lines in found.items()}
