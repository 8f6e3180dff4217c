"""How to obtain these numbers again: seed, versions, the model as a card or as data."""

import json

from ..blocks import Block, Code, Heading, Listing, Paragraph
from ..section import Section, Subject


def applies(subject: Subject) -> bool:
    """Every fit knows where it came from."""
    return bool(subject.fits)


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return call, seeds, versions and the card."""
    attrs = subject.fit.idata.attrs
    found: list[Block] = [
        Paragraph(
            "With the same data, seed and versions the same numbers come out. A fit keeps its draws, chains and seed; "
            "tune and the method's own options, where they were not the defaults, have to be added to these calls."
        )
    ]
    found.append(Code("\n".join(_call(name, fit) for name, fit in subject.fits.items())))
    found.append(Listing(tuple(f"{name} {number}" for name, number in attrs.get("versions", {}).items())))
    card = subject.extra.get("card")
    if card:
        found += [Heading(f"{subject.main} as a model card"), Code(str(card).rstrip())]
    else:
        found += [Heading("Priors as data"), Code(json.dumps(_priors(subject), indent=1, ensure_ascii=False))]
    return tuple(found)


def _call(name: str, fit: object) -> str:
    spec, attrs = fit.spec, fit.idata.attrs  # type: ignore[attr-defined]
    sizes = fit.idata["posterior"].sizes  # type: ignore[attr-defined]
    main, *others = spec.formulas.items()
    parts = [repr(main[1]), "data", f"family={spec.family!r}"]
    links = dict(spec.links)
    parts += [f"link={links!r}"] if any(link != "identity" for link in links.values()) else []
    own = {p.name: str(p.prior) for p in spec.priors if p.origin == "user"}
    parts += [f"priors={own!r}"] if own else []
    parts += [f"{parameter}={text!r}" for parameter, text in others]
    parts += [f"{parameter}=bd.known({known.value!r})" for parameter, known in spec.known.items()]
    fit_part = f"draws={sizes['draw']}, chains={sizes['chain']}, seed={attrs['seed']}"
    return f"# {name}\nbd.Model({', '.join(parts)}).fit({attrs['method']!r}, {fit_part})"


def _priors(subject: Subject) -> dict[str, str]:
    return {p.name: str(p.prior) for p in subject.fit.spec.priors}


SECTION = Section("To obtain this again", 100, applies, blocks)
