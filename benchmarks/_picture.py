"""Bars on a logarithmic axis: seconds to the summary, and effective draws a second."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ._tables import median_runs, number

COLOURS = {"cold": "#3b6ea5", "warm": "#e08a3c"}


def bars(results: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw a row of two panels a card and save it as ``path``."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = [r for r in median_runs(results) if "error" not in r]
    cards = list(dict.fromkeys(r["card"] for r in shown))
    if not cards:
        return
    tools = {c: list(dict.fromkeys(r["tool"] for r in shown if r["card"] == c)) for c in cards}
    heights = [0.9 + 0.45 * len(tools[c]) for c in cards]
    figure, axes = plt.subplots(
        len(cards), 2, figsize=(11, sum(heights) + 0.6), squeeze=False, layout="constrained",
        gridspec_kw={"height_ratios": heights},
    )  # fmt: skip
    for line, card in zip(axes, cards, strict=True):
        runs = [r for r in shown if r["card"] == card]
        _panel(line[0], runs, tools[card], lambda r: r["seconds"]["total"])
        _panel(line[1], runs, tools[card], _rate)
        line[0].set_title(f"{card}: seconds from model to summary", loc="left", fontsize=10)
        line[1].set_title(f"{card}: smallest bulk ESS per second of total", loc="left", fontsize=10)
    axes[0, 1].legend(*axes[0, 0].get_legend_handles_labels(), title="compile cache", fontsize=8, title_fontsize=8)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _rate(result: Mapping[str, Any]) -> float | None:
    return result["ess_bulk"] / result["seconds"]["total"] if "ess_bulk" in result else None


def _panel(axis: Any, runs: Sequence[Mapping[str, Any]], tools: Sequence[str], value: Any) -> None:
    states = [s for s in COLOURS if any(r["cache"] == s for r in runs)]
    width = 0.8 / max(1, len(states))
    for k, state in enumerate(states):
        found = {r["tool"]: value(r) for r in runs if r["cache"] == state}
        kept = [(i, found[t]) for i, t in enumerate(tools) if found.get(t) is not None]
        places = [i + (k - (len(states) - 1) / 2) * width for i, _ in kept]
        drawn = axis.barh(places, [v for _, v in kept], height=0.9 * width, color=COLOURS[state], label=state)
        axis.bar_label(drawn, [number(v) for _, v in kept], padding=3, fontsize=8)
    if any(value(r) for r in runs):
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.xaxis.set_minor_formatter(lambda value, _: "")
    axis.margins(x=0.15)
    axis.set_yticks(range(len(tools)), tools)
    axis.set_ylim(len(tools) - 0.5, -0.5)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
