"""The addends of a predictor in mathematics: coefficients times columns, effects of groups, functions.

What an addend looks like its term says (:mod:`bayesdeep.core.writing`), what law its coefficients have the term's effects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bayesdeep.core.effects import Effect, Grouped, Iid, Members, Piece, Places, Process, Scaled, Structured, Varying
from bayesdeep.core.priors import ChosenPrior, PriorSpec
from bayesdeep.core.writing import Addend, Product
from bayesdeep.spec.declared import addends_of, effects_of
from bayesdeep.spec.model_spec import TermSpec


@dataclass(frozen=True)
class Place:
    """Where a term stands.

    Attributes
    ----------
    prefix
        What the posterior's names of this parameter's quantities begin with; nothing for the main one's.
    contrast
        Whether there is a predictor for each level k but the first.
    intercept
        Whether a population-level intercept is part of the predictor, and not of the thresholds.
    alone
        Whether the model has one term with effects of groups.
    priors
        The priors chosen, by name.
    """

    prefix: str
    contrast: bool
    intercept: bool
    alone: bool
    priors: Mapping[str, ChosenPrior]


def written(term: TermSpec, node: Any, place: Place) -> tuple[list[str], list[str]]:
    """Return the addends that a term brings to row i, and lines about them: where they are 0, what a function is."""
    pieces = {piece.slot: (effect, piece) for effect in effects_of(term) for piece in effect.pieces}
    parts: list[str] = []
    below: list[str] = []
    for addend in addends_of(term, node):
        if addend.products is None:
            found = _function(addend, place)
            parts += found
            below += addend.body(found[0], "[k]" if place.contrast else "") if addend.body else ()
            continue
        effect, piece = pieces[addend.name]
        letter, first, last = _letter(effect, piece, place), _levels(effect), _share(effect)
        parts += [_product(letter, p, (*first, *p.levels), last, place.contrast) for p in addend.products]
        below += _zeros(letter, addend.products)
    return parts, below


def _function(addend: Addend, place: Place) -> list[str]:
    """Return what is no product of coefficients: the intercept, a function's value at row i."""
    if addend.name == "Intercept":
        return [f"{place.prefix}Intercept" + ("[k]" if place.contrast else "")] if place.intercept else []
    if addend.by_row:
        return [addend.name]
    if addend.body is None:
        return [f"{addend.name}ᵢ"]
    index = [*addend.index, *(["k"] if place.contrast else [])]
    return [f"{place.prefix}{addend.name}ᵢ" + (f"[{', '.join(index)}]" if index else "")]


def _letter(effect: Effect, piece: Piece, place: Place) -> str:
    """Return the letter of coefficients: as the posterior names them where several terms have effects of groups."""
    rows = effect.rows
    if isinstance(rows, Places):
        return f"{place.prefix}{piece.slot}"
    if not isinstance(rows, Grouped | Members):
        return f"β({place.prefix}{piece.slot})"
    if place.alone:
        return "u₁" if piece.name == "1" else f"u({piece.name})"
    return f"u({place.prefix}{piece.slot})"


def _levels(effect: Effect) -> tuple[str, ...]:
    """Return the index of the group's effects at row i."""
    rows = effect.rows
    if isinstance(rows, Members):
        return (f"{rows.factor}ₘᵢ",)
    return (f"{rows.factor}ᵢ",) if isinstance(rows, Grouped) else ()


def _share(effect: Effect) -> str:
    """Return what stands before effects of several groups a row: the sum over them, with their weights."""
    return "Σₘ wₘᵢ " if isinstance(effect.rows, Members) else ""


def _product(letter: str, piece: Product, levels: Sequence[str], before: str, contrast: bool) -> str:
    """Return a coefficient with its indices times its numbers."""
    index = [*levels, *(["b"] if piece.basis else []), *(["k"] if contrast else [])]
    text = f"{letter}[{', '.join(index)}]" if index else letter
    return before + ("Σ_b " if piece.basis else "") + " · ".join((text, *piece.times))


def _zeros(letter: str, products: Sequence[Product]) -> list[str]:
    zero = dict.fromkeys(at for piece in products for at in piece.zero)
    return [f"{letter} is 0 at {' and at '.join(zero)}"] if zero else []


def laws(term: TermSpec, place: Place) -> list[str]:
    """Return the distributions of coefficients that share their scales: effects of groups, coefficients of a basis."""
    found: list[str] = []
    for effect in effects_of(term):
        if isinstance(effect.law, Iid):
            found += _basis(effect, place)
        elif isinstance(effect.law, Varying | Structured):
            found += _groups(effect, effect.law, place)
        elif isinstance(effect.law, Process):
            found += _process(effect, effect.law, place)
        elif isinstance(effect.law, Scaled):
            found += _several(effect, effect.law, place)
    return found


def _basis(effect: Effect, place: Place) -> list[str]:
    at = "[b, k]" if place.contrast else "[b]"
    found = []
    for piece in effect.pieces:
        index = ["block of b"] if effect.sds(piece).labels is not None else []
        index += ["k"] if place.contrast else []
        sd = f"{place.prefix}{piece.sd}" + (f"[{', '.join(index)}]" if index else "")
        found.append(f"{_letter(effect, piece, place)}{at} ~ Normal(0, {sd})")
    return found


def _several(effect: Effect, law: Scaled, place: Place) -> list[str]:
    """Return the law of coefficients whose standard deviations are functions of several numbers."""
    rows = effect.rows
    names = _read(law.slots, place)
    made = law.text.format(*names) if law.text else f"a function of {' and '.join(names)}"
    letters = [_letter(effect, piece, place) for piece in effect.pieces]
    if law.each:
        at = _index(place, "j")
        return [*(f"{u}{at} ~ Normal(0, s{at})" for u in letters), f"    s{at} = {made}"]
    if law.root is not None:
        assert isinstance(rows, Grouped | Members)
        at = _index(place, "b")
        lines = [f"    s{at} = {made}", f"    root: known, a row for each of the {len(rows.labels)} levels of {rows.factor}"]
        return [*(f"{u} = root c, c{at} ~ Normal(0, s{at})" for u in letters), *lines]
    if isinstance(rows, Grouped | Members):
        at = _index(place, *(["l"] if effect.width > 1 else []))
        lines = [f"    s{at} = {made}", *_each(effect, False, place.contrast)]
        ends = [_index(place, *([piece.name] if effect.width > 1 else [])) for piece in effect.pieces]
        return [*(f"{u}{_index(place, 'j')} ~ Normal(0, s{end})" for u, end in zip(letters, ends, strict=True)), *lines]
    at = _index(place, "b")
    own = [at if piece.labels is not None else _index(place) for piece in effect.pieces]
    return [*(f"{u}{index} ~ Normal(0, s{at})" for u, index in zip(letters, own, strict=True)), f"    s{at} = {made}"]


def _process(effect: Effect, law: Process, place: Place) -> list[str]:
    """Return the law of a function's values at the places that the rows have."""
    letter, at = _letter(effect, effect.pieces[0], place), _index(place)
    names = _read(law.slots, place)
    lines = [f"    K{_index(place, 'i', 'j')} = {law.text.format(*names)}"] if law.text else []
    counted = ["    counted from its average over the rows"] if law.average.any() else []
    return [f"{letter}{at} ~ GaussianProcess(0, K)", *lines, *counted]


def _read(slots: Sequence[str], place: Place) -> list[str]:
    """Return what the posterior calls slots, which may be shared by several parameters."""
    full = [f"{place.prefix}{slot}" for slot in slots]
    return [name if name in place.priors else slot for slot, name in zip(slots, full, strict=True)]


def _index(place: Place, *letters: str) -> str:
    """Return an index in brackets, with the response's level where there is a predictor for each."""
    every = [*letters, *(["k"] if place.contrast else [])]
    return f"[{', '.join(every)}]" if every else ""


def _groups(effect: Effect, law: Varying | Structured, place: Place) -> list[str]:
    rows, known = effect.rows, isinstance(law, Structured)
    assert isinstance(rows, Grouped | Members)
    k, level = ("k, ", ", k") if place.contrast else ("", "")
    drawn, strata = [], effect.strata
    # Of levels that have classes, a level's sd is that of its class.
    by = "" if strata is None else f"{strata.name}[j]"
    for piece in effect.pieces:
        at, several = "" if piece.scalar else "l, ", effect.sds(piece).labels is not None
        places = ", ".join(filter(None, ("l" if several else "", by, level.removeprefix(", "))))
        of = f"[{places}]" if places else ""
        # Levels that are related have one distribution all together.
        index = (at + (k if known else f"{k}j")).removesuffix(", ")
        letter = _letter(effect, piece, place) + (f"[{index}]" if index else "")
        drawn.append((letter, *_prior(piece, of, place)))
    lines = [*_each(effect, known, place.contrast)]
    if known:
        lines.append(f"    A: the given covariance of the {len(rows.labels)} levels of {rows.factor}")
    if strata is not None:
        lines.append(f"    {strata.name}[j]: the level of {strata.name} that level j has, of {len(strata.labels)}")
    if isinstance(rows, Members):
        lines.append(f"    wₘᵢ: the weight in row i of its member m, whose level is {rows.factor}ₘᵢ")
    if law.correlation is None:
        return [*(_alone(u, name, arguments, known) for u, name, arguments in drawn), *lines]
    means, sds = (", ".join(arguments[i] for _, _, arguments in drawn) for i in (0, 1))
    vector = ", ".join(u for u, _, _ in drawn)
    centre = "0" if all(arguments[0] == "0" for _, _, arguments in drawn) else f"({means})"
    matrix = f"    R: correlations {place.prefix}{law.correlation}" + (f"[{by}]" if by else "")
    covariance = "D R D ⊗ A" if known else "D R D"
    return [f"({vector}) ~ MultivariateNormal({centre}, {covariance})", *lines, f"    D = diag({sds})", matrix]


def _each(effect: Effect, known: bool, contrast: bool) -> list[str]:
    """Return the line that says what a distribution is there for each of."""
    rows = effect.rows
    assert isinstance(rows, Grouped | Members)
    each = [] if known else [f"each of the {len(rows.labels)} levels j of {rows.factor}"]
    each += ["each level k"] if contrast else []
    each += [] if all(piece.scalar for piece in effect.pieces) else ["each coefficient l"]
    joined = " and ".join(filter(None, (", ".join(each[:-1]), *each[-1:])))
    return [f"    for {joined}"] if each else []


def _alone(u: str, name: str, arguments: Sequence[str], known: bool) -> str:
    """Return the distribution of one coefficient, of each level or of all that are related."""
    if not known:
        return f"{u} ~ {name}({', '.join(arguments)})"
    if name == "Normal":
        return f"{u} ~ MultivariateNormal({arguments[0]}, {arguments[1]}² A)"
    return f"{u} = {name} effects, independent, times the root of A: A = root root', {name}({', '.join(arguments)})"


def _prior(piece: Piece, index: str, place: Place) -> tuple[str, list[str]]:
    """Return name and arguments of the distribution of a group's effects, hyperparameters by their posterior names."""
    chosen = place.priors.get(f"{place.prefix}{piece.slot}")
    if chosen is None:
        return "Normal", ["0", f"{place.prefix}{piece.sd}{index}"]
    return chosen.prior.name, [_argument(chosen.key, name, value) for name, value in chosen.prior.arguments]


def _argument(key: str, name: str, value: "float | PriorSpec | None") -> str:
    return f"{key}_{name}" if isinstance(value, PriorSpec) else f"{value:.12g}"
