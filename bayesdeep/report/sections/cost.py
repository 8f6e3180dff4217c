"""What it took: seconds by stage, draws, and whether the method is exact."""

import pandas as pd

from ..document import Block, Listing, Paragraph, Table
from ..section import Section, Subject


def applies(subject: Subject) -> bool:
    """Every fit says what it took."""
    return bool(subject.fits)


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return seconds by stage and why each method was taken."""
    rows = {}
    for name, fit in subject.fits.items():
        attrs, sizes = fit.idata.attrs, fit.idata["posterior"].sizes
        rows[name] = {
            "method": str(attrs["method"]),
            "draws": "exact" if attrs["exact"] else "approximate",
            "chains × draws": f"{sizes['chain']} × {sizes['draw']:,}",
            **{stage: float(attrs[f"seconds_{stage}"]) for stage in ("compile", "tune", "sample", "total")},
        }
    frame = pd.DataFrame.from_dict(rows, orient="index")
    formats = dict.fromkeys(("compile", "tune", "sample", "total"), ".1f")
    caption = "Seconds by stage. Exact draws come from the posterior itself; approximate ones from something like it."
    why = tuple(f"{n}: {f.explain_choice}." for n, f in subject.fits.items() if f.explain_choice)
    table = Table(frame, caption, formats, "model")
    return (table, Paragraph("Why these methods:"), Listing(why)) if why else (table,)


SECTION = Section("What it took", 90, applies, blocks, "fit", once=True)
