"""The addends of a predictor in mathematics: coefficients times columns, effects of groups, networks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bayesdeep.core.columns import Columns
from bayesdeep.core.effects import Members, Structured
from bayesdeep.core.priors import ChosenPrior, PriorSpec
from bayesdeep.core.registry import TERMS, TRANSFORMS
from bayesdeep.formula.nodes import Call, Expression, Group, Name, Product, label


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


@dataclass(frozen=True)
class Coefficients:
    """The coefficients of one piece of a term: their indices, and what they are multiplied by.

    ``levels`` are those of row i that choose a coefficient, ``basis`` whether one is summed over, ``times`` the numbers
    they are multiplied by, and ``zero`` the levels at which they are 0.
    """

    levels: tuple[str, ...]
    basis: bool
    times: tuple[str, ...]
    zero: tuple[str, ...]


def addends(term: Any, node: Any, place: Place) -> tuple[list[str], list[str]]:
    """Return the addends that a term brings to row i, and which of their coefficients are 0 by convention."""
    state = term.state
    if term.kind == "population":
        name = f"{place.prefix}Intercept" + ("[k]" if place.contrast else "")
        found, notes = [name] if state["intercept"] and place.intercept else [], []
        for column, pieces in _pieces(state, node.products):
            letter = f"β({place.prefix}{column})"
            found += [_product(letter, piece, piece.levels, place.contrast) for piece in pieces]
            notes += _zeros(letter, pieces)
        return found, notes
    if isinstance(node, Group):
        return _by_level(term, node, place)
    return [_called(term, place) if TERMS[term.kind].cost is not None else f"{str(term.source).strip()}ᵢ"], []


def _by_level(term: Any, node: Group, place: Place) -> tuple[list[str], list[str]]:
    """Return the addends of effects by level, with the row's level or the weighted sum over its levels."""
    effect, columns = _effect(term)
    k, factor = ", k" if place.contrast else "", effect.rows.factor
    several = isinstance(effect.rows, Members)
    own, total = (f"{factor}ₘᵢ", "Σₘ wₘᵢ ") if several else (f"{factor}ᵢ", "")
    found = [f"{total}{_letter('1', factor, place)}[{own}{k}]"] if columns.intercept else []
    notes = []
    for column, pieces in _pieces({"state": columns.state}, node.products):
        letter = _letter(column, factor, place)
        found += [total + _product(letter, piece, (own, *piece.levels), place.contrast) for piece in pieces]
        notes += _zeros(letter, pieces)
    return found, notes


def _effect(term: Any) -> tuple[Any, Columns]:
    """Return the effect of a term that stands right of a bar, and how its columns are coded."""
    plugin = TERMS[term.kind]
    (effect,) = plugin.effects(term.state)
    return effect, plugin.columns(term.state)


def _called(term: Any, place: Place) -> str:
    """Return a network's value at row i, by the name the posterior knows it by."""
    index = [f"{term.state['factor']}ᵢ"] if _by_group(term) else []
    index += ["k"] if place.contrast else []
    name = f"{place.prefix}{term.state['name']}"
    return f"{name}ᵢ" + (f"[{', '.join(index)}]" if index else "")


def _letter(column: str, factor: str, place: Place) -> str:
    """Return the letter of a group's effects: as the posterior names them where several terms have some."""
    if place.alone:
        return "u₁" if column == "1" else f"u({column})"
    return f"u({place.prefix}{column}|{factor})"


def _product(letter: str, piece: Coefficients, levels: Sequence[str], contrast: bool) -> str:
    """Return a coefficient with its indices times its numbers."""
    index = [*levels, *(["b"] if piece.basis else []), *(["k"] if contrast else [])]
    text = f"{letter}[{', '.join(index)}]" if index else letter
    return ("Σ_b " if piece.basis else "") + " · ".join((text, *piece.times))


def _zeros(letter: str, pieces: Sequence[Coefficients]) -> list[str]:
    zero = dict.fromkeys(at for piece in pieces for at in piece.zero)
    return [f"{letter} is 0 at {' and at '.join(zero)}"] if zero else []


def _pieces(columns: Any, products: Sequence[Product]) -> list[tuple[str, list[Coefficients]]]:
    """Return the coefficients of each term of a design matrix: a piece for each way its factors are coded together."""
    nodes = list(dict.fromkeys(factor for product in products for factor in product))
    learned, found = columns["state"]["factors"], []
    for coded in columns["state"]["terms"]:
        pieces = [_piece([(nodes[i], learned[i], full) for i, full in piece]) for piece in coded["pieces"]]
        found.append((label(products[coded["product"]]), pieces))
    return found


def _piece(factors: Sequence[tuple[Expression, Any, bool]]) -> Coefficients:
    levels, basis, times, zero = [], [], [], []
    for node, learned, full in factors:
        name = node.name if isinstance(node, Name) else node.source
        labels = _labels(node, learned)
        if learned["kind"] == "categorical":
            levels.append(f"{name}ᵢ")
            zero += [] if full or not labels else [f"{name} = {labels[0]}"]
        elif labels is not None:
            basis.append(name)
            times.append(f"{name}[b]ᵢ")
        else:
            times.append(f"{name}ᵢ")
    if len(basis) > 1:  # Every pair of basis functions has a coefficient of its own.
        times = [t.replace("[b]", f"[b{basis.index(t[: -len('[b]ᵢ')]) + 1}]") if "[b]" in t else t for t in times]
    return Coefficients(tuple(levels), bool(basis), tuple(times), tuple(zero))


def _labels(node: Expression, learned: Any) -> tuple[Any, ...] | None:
    """Return the labels of a factor's levels or basis functions; None for one number."""
    if "learned" not in learned:
        return None
    transform = node.function if isinstance(node, Call) else "C"
    return TRANSFORMS[transform].labels(learned["learned"])


SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def network(term: Any, place: Place) -> list[str]:
    """Return the layers of a network: each a linear predictor and an inverse link, like a model's own."""
    if TERMS[term.kind].cost is None:
        return []
    options = term.state["options"]
    hidden, activation = options["hidden"], options["activation"]
    body = f", hidden layers those of all networks with share='{options['share']}'" if options.get("share") else ""
    lines, last = [f"{_called(term, place)}, with xᵢ its standardised inputs{body}:"], "xᵢ"
    for k, size in enumerate(hidden, start=1):
        name = activation[min(k, len(activation)) - 1]
        mark = str(k).translate(SUBSCRIPTS)
        lines.append(f"    h{mark} = {name}(W{mark} {last} + b{mark})    {size} units")
        last = f"h{mark}"
    skip = " + s · xᵢ" if options.get("skip") and hidden else ""
    weight = "w[k]" if place.contrast else "w"
    lines.append(f"    {weight} · {last}{skip}" + (f"    w differs by {term.state['factor']}" if _by_group(term) else ""))
    return lines


def _by_group(term: Any) -> bool:
    return "|" in term.source and bool(term.state.get("factor"))


def groups(term: Any, node: Any, place: Place) -> list[str]:
    """Return the distribution of a term's group effects."""
    if not isinstance(node, Group):
        return []
    effect, _ = _effect(term)
    factor, law, pieces = effect.rows.factor, effect.law, effect.pieces
    known = isinstance(law, Structured)
    effects: list[tuple[str, str, str]] = []
    k, own, level = ("k, ", "[k]", ", k") if place.contrast else ("", "", "")
    for piece in pieces:
        at, of = ("", own) if piece.scalar else ("l, ", f"[l{level}]")
        # Levels that are related have one distribution all together.
        index = at + (k.removesuffix(", ") if known else f"{k}j")
        letter = _letter(piece.name, factor, place)
        effects.append((f"{letter}[{index.removesuffix(', ')}]" if index else letter, piece.slot, of))
    each = [] if known else [f"each of the {len(effect.rows.labels)} levels j of {factor}"]
    each += ["each level k"] if place.contrast else []
    each += ["each coefficient l"] if not all(piece.scalar for piece in pieces) else []
    joined = " and ".join(filter(None, (", ".join(each[:-1]), *each[-1:])))
    lines = [f"    for {joined}"] if each else []
    if known:
        lines.append(f"    A: the given covariance of the {len(effect.rows.labels)} levels of {factor}")
    if isinstance(effect.rows, Members):
        lines.append(f"    wₘᵢ: the weight in row i of its member m, whose level is {factor}ₘᵢ")
    drawn = [(u, *_prior(key, of, place)) for u, key, of in effects]
    if law.correlation is None:
        return [*(_alone(u, name, arguments, known) for u, name, arguments in drawn), *lines]
    means, sds = (", ".join(arguments[i] for _, _, arguments in drawn) for i in (0, 1))
    vector = ", ".join(u for u, _, _ in drawn)
    centre = "0" if all(arguments[0] == "0" for _, _, arguments in drawn) else f"({means})"
    matrix = f"    R: correlations {place.prefix}{law.correlation}"
    covariance = "D R D ⊗ A" if known else "D R D"
    return [f"({vector}) ~ MultivariateNormal({centre}, {covariance})", *lines, f"    D = diag({sds})", matrix]


def _alone(u: str, name: str, arguments: Sequence[str], known: bool) -> str:
    """Return the distribution of one coefficient, of each level or of all that are related."""
    if not known:
        return f"{u} ~ {name}({', '.join(arguments)})"
    if name == "Normal":
        return f"{u} ~ MultivariateNormal({arguments[0]}, {arguments[1]}² A)"
    return f"{u} = {name} effects, independent, times the root of A: A = root root', {name}({', '.join(arguments)})"


def _prior(key: str, index: str, place: Place) -> tuple[str, list[str]]:
    """Return name and arguments of the distribution of a group's effects, hyperparameters by their posterior names."""
    chosen = place.priors.get(f"{place.prefix}{key}")
    if chosen is None:
        return "Normal", ["0", f"{place.prefix}{key}_sigma{index}"]
    return chosen.prior.name, [_argument(chosen.key, name, value) for name, value in chosen.prior.arguments]


def _argument(key: str, name: str, value: "float | PriorSpec | None") -> str:
    return f"{key}_{name}" if isinstance(value, PriorSpec) else f"{value:.12g}"
