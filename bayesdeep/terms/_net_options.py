"""The options of ``net()``: read from a formula's call, checked, and completed with defaults."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import FormulaError, nearest
from bayesdeep.core.links import find_activation
from bayesdeep.core.options import options_of

PRIORS = ("ard", "layer", "horseshoe", "normal", "student_t", "laplace", "spike_slab")
BAYES = ("all", "last", "none")
POOLS = ("last", "weights")
MISSING = ("error", "indicator")
MOST_UNITS = 4096
"""Inverse links that are not defined for every linear predictor, and where they are not."""

MEANINGS = {
    "hidden": "numbers of units, as in hidden=[32, 32]; hidden=[] for none",
    "activation": 'a name, or a list of one a layer, as in activation="tanh"',
    "skip": "True or False",
    "prior": f"one of {', '.join(PRIORS)}",
    "bayes": f"one of {', '.join(BAYES)}",
    "orthogonal": 'True, False or "groups"',
    "pool": f"one of {', '.join(POOLS)}",
    "missing": f"one of {', '.join(MISSING)}",
    "name": 'a text, as in name="trend"',
    "share": 'a text, as in share="body", the same for all networks with these hidden layers',
}


ELSEWHERE = {
    **dict.fromkeys(("layers", "units", "hidden_layers", "hidden_units", "hidden_layer_sizes", "n_hidden"), "hidden=[32]"),
    **dict.fromkeys(("act", "activations", "nonlinearity", "transfer"), 'activation="tanh"'),
    **dict.fromkeys(("dropout", "drop"), 'fit("dropout", rate=0.1), or fit("sgd", dropout=0.1)'),
    **dict.fromkeys(("bayesian", "stochastic"), 'bayes="all"'),
    **dict.fromkeys(("residual", "shortcut"), "skip=True"),
    **dict.fromkeys(("weight_decay", "l2", "alpha"), "the prior of the weights, or weight_decay of fit()"),
}
"""What other packages call what is said of networks, and what to write here."""


@dataclass(frozen=True)
class NetOptions:
    """What can be said of a network.

    Attributes
    ----------
    hidden
        Units of each hidden layer; empty for a linear function of the inputs.
    activation
        By hidden layer: the inverse link its linear predictors pass through.
    skip
        Whether the inputs also go to the output directly.
    prior
        ``"ard"``: normal weights, a learned scale a layer and, of several inputs, another an input. ``"layer"``: without
        those of inputs.
        ``"student_t"``, ``"laplace"``, ``"spike_slab"``: other weights, a learned scale a layer. ``"horseshoe"``: inputs'
        scales with half-Cauchy priors. ``"normal"``: normal weights whose scales are fixed in hidden layers.
    bayes
        Which layers have a posterior: ``"all"``, ``"last"`` or ``"none"``; the others are trained to a point first. Direct
        connections (``skip``) belong to the last layer, embeddings to the first.
    orthogonal
        Whether the function is kept orthogonal, over the training rows, to the population-level columns of its formula
        (``True``), to these and to the indicators of its groups (``"groups"``), or to nothing.
    pool
        Of networks that vary by group, which weights do: those of the ``"last"`` layer, or all ``"weights"``.
    name
        What the posterior calls it; empty for its text.
    missing
        ``"error"``: inputs have all values. ``"indicator"``: where a value is missing the input is its mean over the training
        rows, and a further input says that it is missing.
    share
        What its hidden layers are called where other networks of the model, in formulas of other parameters, have the same
        ones and only last layers of their own; empty where they are its alone.
    """

    hidden: tuple[int, ...] = (32,)
    activation: tuple[str, ...] = ("tanh",)
    skip: bool = False
    prior: str = "ard"
    bayes: str = "all"
    orthogonal: bool | str = True
    pool: str = "last"
    name: str = ""
    share: str = ""
    missing: str = "error"

    def to_json(self) -> Json:
        """Return them as JSON."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    @classmethod
    def from_json(cls, state: Json) -> "NetOptions":
        """Return them from JSON."""
        values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in state.items()}
        return cls(**values)


def read_options(call: Any, where: str) -> NetOptions:
    """Return a call's options; ``where`` begins error texts."""
    given = {name: _value(node, name, where) for name, node in options_of(call, MEANINGS, where, ELSEWHERE).items()}
    hidden = _hidden(given.pop("hidden", [32]), where)
    activation = _activation(given.pop("activation", "tanh"), len(hidden), where)
    for name, choices in (("prior", PRIORS), ("bayes", BAYES), ("pool", POOLS), ("missing", MISSING)):
        if name in given and given[name] not in choices:
            raise FormulaError(f"{where}: net(): {name}={given[name]!r} is not {MEANINGS[name]}{_near(given[name], choices)}")
    for name, words in (("skip", ()), ("orthogonal", ("groups",))):
        if name in given and not isinstance(given[name], bool) and given[name] not in words:
            raise FormulaError(f"{where}: net(): {name}={given[name]!r} is not {MEANINGS[name]}")
    for name in (own for own in ("name", "share") if own in given):
        if not (isinstance(given[name], str) and given[name].strip()):
            raise FormulaError(f"{where}: net(): {name}={given[name]!r} is not {MEANINGS[name]}")
        if any(c in given[name] for c in "/|,"):
            raise FormulaError(f"{where}: net(): {name}={given[name]!r} has one of / | , in it, which join names; leave them out")
    if "share" in given:
        _check_share(given, hidden, where)
    return NetOptions(hidden, activation, **given)


def _check_share(given: Mapping[str, Any], hidden: tuple[int, ...], where: str) -> None:
    said = f"{where}: net(): share={given['share']!r}"
    if not hidden:
        raise FormulaError(f"{said} is for hidden layers, and hidden=[] has none")
    if given.get("pool") == "weights":
        raise FormulaError(f"{said}: with pool='weights' groups have hidden layers of their own; take pool='last'")
    if given.get("name") == given["share"]:
        raise FormulaError(f"{said} is also its name; hidden layers and what a network makes of them need two names")


def _near(value: Any, choices: tuple[str, ...]) -> str:
    found = nearest(value, choices) if isinstance(value, str) else ""
    return found if "did you mean" in found else ""


_WORDS: Mapping[str, Any] = {"True": True, "False": False, "None": None}


def _value(node: Any, name: str, where: str) -> Any:
    """Return an option's value: a number, a text, a truth value or a list of such."""
    if hasattr(node, "items") and isinstance(node.items, tuple):
        return [_value(item, name, where) for item in node.items]
    if hasattr(node, "value"):
        return node.value
    if getattr(node, "name", None) in _WORDS:
        return _WORDS[node.name]
    raise FormulaError(f"{where}: net(): {name}={node.source} is not {MEANINGS[name]}")


def _hidden(value: Any, where: str) -> tuple[int, ...]:
    sizes = value if isinstance(value, list) else [value]
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MOST_UNITS:
            raise FormulaError(
                f"{where}: net(): hidden has a layer of {size!r} units; give whole numbers from 1 to {MOST_UNITS}, "
                "or hidden=[] for no hidden layer"
            )
    return tuple(sizes)


def _activation(value: Any, layers: int, where: str) -> tuple[str, ...]:
    for name in value if isinstance(value, list) else [value]:
        find_activation(name, f"{where}: net()", FormulaError)
    names = value if isinstance(value, list) else [value] * layers
    if len(names) != layers:
        raise FormulaError(f"{where}: net(): {len(names)} activations for {layers} hidden layers; give one each, or one name")
    return tuple(names)
