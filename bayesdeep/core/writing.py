"""How a term is written for row i: what its coefficients are multiplied by, or what its function is made of.

A term gives :class:`Addend` records (:attr:`bayesdeep.core.terms.Term.written`); whoever writes a model down chooses letters and
adds the priors, which the term's effects and slots say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .effects import Columns, Effect, Iid, Shift


@dataclass(frozen=True)
class Product:
    """Coefficients times numbers.

    Attributes
    ----------
    levels
        Those of row i that choose a coefficient: ``periodᵢ``.
    times
        The numbers that it is multiplied by: ``xᵢ``.
    basis
        Whether it is one of a basis, and summed over it.
    zero
        The levels at which it is 0: ``period = 1``.
    """

    levels: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    basis: bool = False
    zero: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeftOut:
    """A coefficient that a coding leaves out because it follows from those of the same slot.

    Attributes
    ----------
    slot
        The slot of the others.
    label
        What it would be called among them.
    weights
        By what the slot's coefficients are multiplied in the sum that it is ``(coefficient,)``.
    """

    slot: str
    label: str
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Addend:
    """One addend of a predictor, at row i.

    Attributes
    ----------
    name
        The slot of the coefficients, ``x`` or ``1|g``; ``Intercept``; or what a function is called.
    products
        Of coefficients; None for what has none: an intercept, an offset, a function.
    index
        What else chooses among functions of that name: ``gᵢ``.
    body
        ``body(called, level) -> lines`` of a function, that say what it is: ``called`` is how the addend is written, ``level``
        the index ``[k]`` of a response's level, where there is a predictor for each, or nothing.
    by_row
        Whether ``name`` is all of it, written for row i already.
    """

    name: str
    products: tuple[Product, ...] | None = None
    index: tuple[str, ...] = ()
    body: Callable[[str, str], tuple[str, ...]] | None = None
    by_row: bool = False


def from_effects(effects: Sequence[Effect], source: str) -> tuple[Addend, ...]:
    """Return the addends of a term that declares effects and says no more."""
    found: list[Addend] = []
    for effect in effects:
        rows = effect.rows
        if isinstance(rows, Shift):
            found.append(Addend(source))
            continue
        if isinstance(rows, Columns) and rows.intercept:
            found.append(Addend("Intercept"))
        for piece in effect.pieces:
            name = piece.slot if isinstance(rows, Columns) else piece.name
            if isinstance(effect.law, Iid) or piece.labels is not None:
                product = Product((), (f"{name}[b]ᵢ",), basis=True)
            else:
                product = Product((), () if name == "1" else (f"{name}ᵢ",))
            found.append(Addend(piece.slot, (product,)))
    return tuple(found)
