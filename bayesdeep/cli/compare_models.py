"""``bayesdeep compare``."""

import shutil
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bayesdeep.cards import Card, find_card, read_card
from bayesdeep.core.errors import BayesdeepError, CardError, FitError

from .command_phrases import check_output, say
from .fit_model import SETTINGS, fit_named, seconds_text

if TYPE_CHECKING:
    from bayesdeep.comparison import Comparison
    from bayesdeep.fit import Fit

FAILURES = (BayesdeepError, ArithmeticError, ValueError, RuntimeError, MemoryError)
"""What a fit fails with for reasons of its model, data or method."""


def run(arguments: Namespace) -> None:
    """Fit cards and compare them."""
    from bayesdeep.model import model_of_card

    path = check_output(arguments.report, arguments.overwrite, (".html", ".md"))
    cards = [read_card(find_card(text)) for text in arguments.cards]
    names = card_names(cards)
    if len(cards) < 2:
        raise CardError(
            f"compare: one card, '{names[0]}', is nothing to compare; give at least two, or use bayesdeep fit"
        )
    asked = {name: getattr(arguments, name) for name in SETTINGS}
    models = [model_of_card(card) for card in cards]
    fits: dict[str, Fit] = {}
    failed: dict[str, Exception] = {}
    for name, card, model in zip(names, cards, models, strict=True):
        if not arguments.quiet:
            say(f"{name}: {card.formula} ({card.family}; {model.rows:,} rows of {card.data}) …")
        try:
            fits[name] = fit_named(card, model, card.settings(**asked), progress=not arguments.quiet)
        except FAILURES as error:
            # The other cards' fits are not thrown away for this one: they are compared, and the failure is said at the end.
            failed[name] = error
            say(f"  failed: {error}")
            continue
        if not arguments.quiet:
            found = fits[name].diagnose()
            say(f"  {found.verdict}: {found.sentence}", *(f"  - {sentence}" for sentence in found.advice))
            say(f"  {seconds_text(fits[name])}")
    if not fits:
        raise next(iter(failed.values()))
    compared = _compared(fits, arguments)
    if path is not None:
        from bayesdeep.report import report

        extra = about([card for name, card in zip(names, cards, strict=True) if name in fits])
        reasons = {name: str(error) for name, error in failed.items()}
        report(compared, path, overwrite=arguments.overwrite, extra={**extra, "failed": reasons})
        say(f"wrote {path}")
    if failed:
        told = "; ".join(f"{name}: {error}" for name, error in failed.items())
        raise FitError(f"compare: {len(failed)} of {len(cards)} cards could not be fitted: {told}")


def _compared(fits: "dict[str, Fit]", arguments: Namespace) -> "Comparison | Fit":
    """Return the comparison, its table printed; or the only fit there is."""
    if len(fits) == 1:
        say(f"only {next(iter(fits))} could be fitted: nothing to compare")
        return next(iter(fits.values()))
    from bayesdeep.comparison import compare

    refits = {"yes": True, "no": False}.get(arguments.refits, "auto")
    comparison = compare(fits, seed=arguments.seed, progress=not arguments.quiet, refits=refits)
    notes = [f"! {note}" for note in comparison.notes]
    say(*([] if arguments.quiet else [""]), *table_lines(comparison.table), *notes)
    return comparison


def table_lines(table: Any) -> list[str]:
    """Return the table as wide as the terminal, and its warnings as sentences below."""
    width = shutil.get_terminal_size((100, 24)).columns
    numbers = table.drop(columns="warning", errors="ignore")
    lines = [numbers.to_string(float_format=lambda value: f"{value:.4g}", line_width=width)]
    warned = table.get("warning", {})
    return lines + [f"! {name}: {text}" for name, text in warned.items() if text]


def about(cards: Sequence[Card]) -> dict[str, str]:
    """Return what a report cannot know from the fits: the data's name and the cards' texts."""
    texts = [card.path.read_text(encoding="utf-8").strip() for card in cards if card.path is not None]
    return {"data": ", ".join(dict.fromkeys(card.data for card in cards)), "card": "\n\n".join(texts)}


def card_names(cards: Sequence[Card]) -> list[str]:
    """Return a name for each card: its file's, with the folder's before it where two files have one name."""
    paths = [card.path for card in cards if card.path is not None]
    stems = Counter(path.stem for path in paths)
    names = [path.stem if stems[path.stem] == 1 else f"{path.absolute().parent.name}/{path.stem}" for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    for path, count in Counter(path.resolve() for path in paths).items():
        if count > 1:
            raise CardError(f"card '{path}': is given twice; compare different cards")
    return names
