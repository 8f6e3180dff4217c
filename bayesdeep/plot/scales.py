"""The learned scales of networks: of each input, each layer and the output."""

import pandas as pd
from matplotlib.figure import Figure

from bayesdeep.core.errors import FitError
from bayesdeep.core.priors import Slot
from bayesdeep.core.registry import FAMILIES, TERMS
from bayesdeep.design.learn import term_nodes
from bayesdeep.results.fitted import Fitted
from bayesdeep.spec.declared import addends_of
from bayesdeep.spec.slots import prefixed, slot_name

from .forest import draw_intervals
from .parts import summarise


def scales_table(fit: Fitted, interval: float = 0.9) -> pd.DataFrame:
    """Return mean, sd, lower and upper of every learned scale of the model's networks, inputs first.

    Scales of inputs multiply the first layer's weights, for inputs in units of their standard deviation: one near 0 says that
    the input hardly matters.
    """
    posterior, main = fit.posterior, FAMILIES[fit.spec.family].bare
    found: dict[str, tuple[str, pd.DataFrame]] = {}
    nets = [
        (p.parameter, term, addends_of(term, node))
        for p in fit.spec.predictors
        for term, (*_, node) in zip(p.terms, term_nodes(fit.spec.nodes[p.parameter]), strict=True)
        if "network" in TERMS[term.kind].words(term.state)
    ]
    for parameter, term, own in nets:
        for slot in TERMS[term.kind].slots(term.state, 1.0):
            full = slot_name(parameter, main, slot)
            # What networks share is there once, under its own name.
            net = slot.shared.name if slot.shared else prefixed(parameter, main, own[0].name)
            if slot.role not in ("scale", "sd") or full not in posterior or full in found:
                continue
            table = summarise(posterior[full], interval)
            table.index = pd.Index([_part(str(label), slot, full) for label in table.index])
            found[full] = net, table
    if not found:
        raise FitError("plot: the model has no network with learned scales, such as net(x1, x2)")
    if len(nets) > 1:
        for net, table in found.values():
            table.index = pd.Index([f"{net}: {label}" for label in table.index])
    return pd.concat([table for _, table in found.values()])


def _part(label: str, slot: Slot, full: str) -> str:
    """Return what a scale is of: ``input x1``, ``layer 1``, ``output``; the level comes from the table's label."""
    level = label.removeprefix(full).removeprefix("[").removesuffix("]")
    return " ".join(word for word in (slot.part, level) if word)


def network_scales(fit: Fitted, interval: float = 0.9) -> Figure:
    """Draw the learned scales of networks with their intervals."""
    label = "learned scale (log), inputs standardised"
    figure = draw_intervals(scales_table(fit, interval), scales_table(fit, 0.5), label, zero=False)
    figure.axes[0].set_xscale("log")
    return figure
