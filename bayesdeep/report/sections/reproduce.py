"""How to obtain these numbers again: calls, seeds, versions, and every model as a card."""

import json
import tempfile
from pathlib import Path

from bayesdeep.cards import write_card
from bayesdeep.cards.write_card import prior_text
from bayesdeep.core.errors import BayesdeepError
from bayesdeep.results.fitted import Fitted
from bayesdeep.spec.declared import given_matrices

from ..document import Block, Code, Heading, Listing, Paragraph
from ..how_fitted import how_fitted
from ..section import Section, Subject

MOST_CARDS = 8


def applies(subject: Subject) -> bool:
    """Every fit knows where it came from."""
    return bool(subject.fits)


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return calls, seeds, versions and the cards."""
    attrs = subject.fit.idata.attrs
    found: list[Block] = [
        Paragraph("With the same data, seeds and versions the same numbers come out. In Python:"),
        Code("\n".join(_call(name, fit) for name, fit in subject.fits.items())),
        Listing(tuple(f"{name} {number}" for name, number in attrs.get("versions", {}).items())),
        Heading("As model cards"),
        Paragraph(
            "Each as a file `name.toml`, for `bayesdeep fit` or, several together, `bayesdeep compare`. "
            + ("" if subject.extra.get("data") else "Put the data's own file name in the place of `data.csv`.")
        ),
    ]
    given = subject.extra.get("card")
    if given:
        return (*found, Code(str(given).rstrip()))
    for name, fit in list(subject.fits.items())[:MOST_CARDS]:
        found += _card(fit, str(subject.extra.get("data") or "data.csv"), name)
    left = len(subject.fits) - MOST_CARDS
    return (*found, Paragraph(f"{left} more models are left out.")) if left > 0 else tuple(found)


def _card(fit: Fitted, data: str, name: str) -> list[Block]:
    """Return a fit's model as a card, with how it was fitted; its priors as data where a card cannot hold it."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            made = write_card(fit.spec, Path(folder) / "card.toml", data, name)
            text = made.read_text(encoding="utf-8").rstrip()
    except (BayesdeepError, OSError) as error:
        priors = {p.name: str(p.prior) for p in fit.spec.priors}
        shown = json.dumps(priors, indent=1, ensure_ascii=False)
        return [Paragraph(f"No card of {name} ({error}); its priors:"), Code(shown)]
    method = str(fit.idata.attrs["method"])
    lines = [f"method = {json.dumps(method)}", *(f"{k} = {json.dumps(v)}" for k, v in how_fitted(fit.idata).items())]
    return [Code("\n".join([text, "", "[fit]", *lines]))]


def _call(name: str, fit: Fitted) -> str:
    spec, attrs = fit.spec, fit.idata.attrs
    main, *others = spec.formulas.items()
    parts = [repr(main[1]), "data", f"family={spec.family!r}"]
    links = dict(spec.links)
    parts += [f"link={links!r}"] if any(link != "identity" for link in links.values()) else []
    # By the keys that a model takes: one of a budget of variance stands for all that share it.
    own = {p.key: prior_text(p.prior) for p in spec.priors if p.origin == "user"}
    parts += [f"priors={own!r}"] if own else []
    tables = ", ".join(f"{name!r}: {name}" for name in given_matrices(spec))
    parts += [f"arrays={{{tables}}}"] if tables else []
    parts += [f"missing={spec.missing!r}"] if spec.missing != "error" else []
    nonlinear = {parameter: text for parameter, text in others if parameter in spec.nonlinear}
    parts += [f"nonlinear={nonlinear!r}"] if nonlinear else []
    # What is no name of Python's is a key of a dict.
    odd = {parameter: text for parameter, text in others if not parameter.isidentifier()}
    parts += [f"{parameter}={text!r}" for parameter, text in others if parameter not in nonlinear | odd]
    parts += [f"{parameter}=bd.known({known.value!r})" for parameter, known in spec.known.items()]
    parts += [f"**{odd!r}"] if odd else []
    options = ", ".join(f"{k}={v!r}" for k, v in how_fitted(fit.idata).items())
    return f"# {name}\nbd.Model({', '.join(parts)}).fit({attrs['method']!r}, {options})"


SECTION = Section("To obtain this again", 100, applies, blocks, "fit", once=True)
