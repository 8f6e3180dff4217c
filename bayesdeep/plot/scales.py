"""The learned scales of networks: of each input, each layer and the output."""

import pandas as pd
from matplotlib.figure import Figure

from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import FAMILIES, TERMS
from bayesdeep.results.fitted import Fitted
from bayesdeep.spec.slots import prefixed, slot_name

from .forest import draw_intervals
from .parts import summarise


def scales_table(fit: Fitted, interval: float = 0.9) -> pd.DataFrame:
    """Return mean, sd, lower and upper of every learned scale of the model's networks, inputs first.

    Scales of inputs multiply the first layer's weights, for inputs in units of their standard deviation: one near 0 says that
    the input hardly matters.
    """
    posterior, main = fit.posterior, FAMILIES[fit.spec.family].main.name
    found: dict[str, tuple[str, pd.DataFrame]] = {}
    nets = [(p.parameter, t) for p in fit.spec.predictors for t in p.terms if "network" in TERMS[t.kind].words(t.state)]
    for parameter, term in nets:
        for slot in TERMS[term.kind].slots(term.state, 1.0):
            full = slot_name(parameter, main, slot)
            # What networks share is there once, under its own name.
            net = slot.shared.name if slot.shared else prefixed(parameter, main, term.state["name"])
            if slot.role not in ("scale", "sd") or full not in posterior or full in found:
                continue
            table = summarise(posterior[full], interval)
            table.index = pd.Index([_words(str(label), net) for label in table.index])
            found[full] = net, table
    if not found:
        raise FitError("plot: the model has no network with learned scales, such as net(x1, x2)")
    if len(nets) > 1:
        for net, table in found.values():
            table.index = pd.Index([f"{net}: {label}" for label in table.index])
    return pd.concat([table for _, table in found.values()])


def _words(label: str, net: str) -> str:
    """Return what a scale is of: ``input x1``, ``layer 1``, ``output``."""
    text = label.removeprefix(net)
    name, bracket, level = text.partition("_sigma")
    name = name.lstrip("_")
    level = level.strip("[]") if bracket else ""
    if name.startswith("layer"):
        name = f"layer {name.removeprefix('layer')}"
    return " ".join(part for part in (name or "output", level) if part)


def network_scales(fit: Fitted, interval: float = 0.9) -> Figure:
    """Draw the learned scales of networks with their intervals."""
    label = "learned scale (log), inputs standardised"
    figure = draw_intervals(scales_table(fit, interval), scales_table(fit, 0.5), label, zero=False)
    figure.axes[0].set_xscale("log")
    return figure
