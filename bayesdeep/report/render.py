"""A report as a document: its sections in order, each with its blocks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bayesdeep.core.registry import SECTIONS

from .document import Block, Callout
from .section import Section, Subject


@dataclass(frozen=True)
class Chapter:
    """A section that has been written."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A report, ready to be rendered."""

    title: str
    subtitle: str
    chapters: tuple[Chapter, ...]


def document(subject: Subject, title: str, sections: Mapping[str, Section] = SECTIONS) -> Document:
    """Return the report on a subject: every section that applies, in order.

    A section that fails does not take the report with it: its place says what went wrong.
    """
    ordered: Iterable[tuple[str, Any]] = sorted(sections.items(), key=lambda item: (item[1].order, item[0]))
    chapters = [_chapter(key, section, subject) for key, section in ordered]
    return Document(title, _subtitle(subject), tuple(c for c in chapters if c.blocks))


def _chapter(key: str, section: Section, subject: Subject) -> Chapter:
    try:
        return Chapter(key, section.title, tuple(section.blocks(subject)) if section.applies(subject) else ())
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, NotImplementedError) as error:
        # Eleven sound sections are not thrown away for one: its place says in the reader's sight what failed.
        said = f"This section could not be written: {type(error).__name__}: {error}"
        return Chapter(key, section.title, (Callout("caution", said),))


def _subtitle(subject: Subject) -> str:
    response = subject.fit.spec.response.name
    names = [*subject.fits, *subject.baselines]
    if len(names) == 1:
        return f"One model of {response}"
    return f"{len(names)} models of {response}: {', '.join(names[:-1])} and {names[-1]}"
