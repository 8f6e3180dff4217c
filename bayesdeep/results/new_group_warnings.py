"""Groups of new rows that the model was not fitted to: what becomes of them, and telling users of them.

A slip of the pen reads like a new group. So who does not say what is to become of new groups is told how many rows are of
such, and which groups these are.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bayesdeep.core.errors import close_to
from bayesdeep.core.notices import warn
from bayesdeep.core.registry import TERMS
from bayesdeep.spec.model_spec import ModelSpec

from .rows import Rows

MAX_LABELS = 5
MAX_COMPARED = 2_000
"""Of so many known groups the nearest one to a new label is looked for."""
MIN_LETTERS = 4
"""Letters of a label for which one is looked for."""
BECOMES = {
    "sample": "their effects are drawn from the fitted distribution of groups",
    "average": "they are put at the centre of the fitted distribution of groups",
}


def settled(new_groups: str | None, spec: ModelSpec, rows: Rows, where: str, usual: str = "sample") -> str:
    """Return what is to become of new groups; warn of them where that was not said (None), and the ``usual`` is done."""
    if new_groups is not None:
        return new_groups
    tell(where, [(spec, rows)], usual, f"; pass new_groups={usual!r} where they are meant to be new")
    return usual


def tell(where: str, asked: Iterable[tuple[ModelSpec, Rows]], usual: str, advice: str = "") -> None:
    """Warn once of all groups in the rows asked about that the models were not fitted to, if there are any."""
    found: dict[str, str] = {}
    for spec, rows in asked:
        known = _known(spec)
        for factor, labels in rows.unseen.items():
            if labels and factor not in found:
                found[factor] = _sentence(factor, labels, known.get(factor, ()), rows)
    if found:
        text = f"{where}: {'; '.join(found.values())}; {BECOMES[usual]}{advice}"
        warn(text)


def named(labels: tuple[Any, ...]) -> str:
    """Return the first few labels as text."""
    return ", ".join(repr(label) for label in labels[:MAX_LABELS]) + (", …" if len(labels) > MAX_LABELS else "")


def _sentence(factor: str, labels: tuple[Any, ...], known: tuple[Any, ...], rows: Rows) -> str:
    count, total = rows.rows_unseen.get(factor, 0), rows.rows
    which = f"all {total} rows are" if count == total > 1 else f"{count} of {total} rows {'is' if count == 1 else 'are'}"
    groups = "a group" if len(labels) == 1 else f"{len(labels)} groups"
    meant = "" if ":" in factor else _meant(str(labels[0]), known)
    return f"{which} of {groups} of '{factor}' that the model was not fitted to: {named(labels)}{meant}"


def _meant(label: str, known: tuple[Any, ...]) -> str:
    """Return the known label that may have been meant; none where labels are numbered or short, and each is close to others."""
    if len(known) > MAX_COMPARED or len(label) < MIN_LETTERS or any(letter.isdigit() for letter in label):
        return ""
    near = close_to(label, map(str, known)).removeprefix("; ")
    return f" ({near})" if near else ""


def _known(spec: ModelSpec) -> Mapping[str, tuple[Any, ...]]:
    """Return the labels of grouping factors by name."""
    found: dict[str, tuple[Any, ...]] = {}
    for predictor in spec.predictors:
        for term in predictor.terms:
            found.update(TERMS[term.kind].groups(term.state))
    return found
