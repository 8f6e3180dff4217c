"""``bayesdeep fit``."""

from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bayesdeep.cards import Card, find_card, find_cards, read_card
from bayesdeep.cards.card_source import is_file_name
from bayesdeep.core.errors import CardError, FormulaError, nearest
from bayesdeep.core.priors import Known

from .command_phrases import check_output, load_data, pairs, say, summary_text

if TYPE_CHECKING:
    from bayesdeep.fit import Fit
    from bayesdeep.model import Model

SETTINGS = ("method", "draws", "tune", "chains", "seed")


def run(arguments: Namespace) -> None:
    """Fit a card, or a formula to data, and print what came out."""
    from bayesdeep.model import model_of_card

    out = check_output(arguments.out, arguments.overwrite, (".nc",))
    card = changed(find_model(arguments.target, arguments.formula), arguments)
    data = load_data(card.data) if card.path is None else card.load_data()
    settings = card.settings(**{name: getattr(arguments, name) for name in SETTINGS})
    model = model_of_card(card, data)
    if not arguments.quiet:
        say(*filter(None, [card.title]), f"{model.rows:,} rows of {card.data}", "", model.spec, "")
        say(f"fitting ({', '.join(f'{k} {v}' for k, v in settings.items()) or 'with default settings'}) …")
    fit = fit_named(card, model, settings, progress=not arguments.quiet)
    # Saved before anything is worked out from it: no problem with a table may cost the draws.
    saved = None if out is None else fit.save(out, overwrite=arguments.overwrite)
    if arguments.quiet:
        say(summary_text(fit, arguments.all))
        return
    found = fit.diagnose()
    say(*([fit.explain_choice] if "method" not in settings else []), "", summary_text(fit, arguments.all), "")
    say(f"{found.verdict}: {found.sentence}", *(f"- {sentence}" for sentence in found.advice))
    say(seconds_text(fit), *([] if saved is None else [f"saved {saved}"]))


def find_model(target: str, formula: str | None) -> Card:
    """Return the card that is asked for, or one made of data and a formula (without a path)."""
    from bayesdeep.datasets._index import names

    cards = dict(find_cards())
    if target.endswith(".toml") or target in cards:
        card = read_card(find_card(target))
        return card if formula is None else replace(card, formula=formula)
    if not is_file_name(target) and target not in names():
        known = [*cards, *names()]
        raise CardError(
            f"card '{target}': neither a card, a CSV or Parquet file nor an example data set{nearest(target, known)}"
        )
    if formula is None:
        raise FormulaError(f'formula: is missing; write bayesdeep fit {target} "y ~ x"')
    return Card(formula, target)


def changed(card: Card, arguments: Namespace) -> Card:
    """Return the card with what the command line says in place of what it said itself."""
    plain = {key: getattr(arguments, key) for key in ("family", "link", "missing")}
    parameters: dict[str, str | Known] = {**pairs(arguments.parameter, "--parameter")}
    parameters |= {name: Known(_number(text)) for name, text in pairs(arguments.known, "--known").items()}
    return replace(
        card,
        **{key: value for key, value in plain.items() if value is not None},
        priors={**card.priors, **pairs(arguments.prior, "--prior")},
        parameters={**card.parameters, **parameters},
    )


def _number(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def fit_named(card: Card, model: "Model", settings: dict[str, Any], progress: bool) -> "Fit":
    """Return the fit; errors say which card they are about."""
    with card.named():
        return model.fit(progress=progress, **settings)


def seconds_text(fit: "Fit") -> str:
    """Return where the time went."""
    attrs = fit.idata.attrs
    parts = ", ".join(f"{part} {attrs[f'seconds_{part}']:.1f}" for part in ("compile", "tune", "sample"))
    return f"{attrs['seconds_total']:.1f} seconds ({parts}); seed {attrs['seed']}"
