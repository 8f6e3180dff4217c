"""The methods of fitting and their options, for users: :func:`methods`."""

from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any

from bayesdeep.core import arguments
from bayesdeep.core.documented import Option, options_of
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.registry import ENGINES, TERMS

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 100
KINDS = {True: "exact", False: "not exact"}
"""Whether what a method gives are draws from the posterior itself."""


@dataclass(frozen=True, eq=False, repr=False)
class Methods:
    """What there is to choose from, as it prints.

    Attributes
    ----------
    title
        What is listed.
    table
        A row for each method, or for each option of one.
    """

    title: str
    table: "pd.DataFrame"

    def __repr__(self) -> str:
        lines = [self.title, ""]
        wide = max(len(str(name)) for name in self.table.index) + 2
        for name, row in self.table.iterrows():
            said = "; ".join(str(value) for value in row if str(value))
            text = fill(said, WIDTH, initial_indent=str(name).ljust(wide), subsequent_indent=" " * wide)
            lines.append(text)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from bayesdeep.display import notebook

        return notebook.shown(notebook.paragraph(self.title), notebook.table(self.table, most=len(self.table)))


@arguments.checked("methods", name=arguments.optional(arguments.text))
def methods(name: str | None = None) -> Methods:
    """Return the methods that ``fit()`` takes; of one of them, or of ``net()``, the options.

    Parameters
    ----------
    name
        Of a method, ``"nuts"``, or ``"net"``; None for all methods.

    Returns
    -------
    Methods
        Which prints; ``.table`` is a data frame with a row for each method or option.

    Raises
    ------
    FitError
        Where nothing is called so, with the nearest name.

    Examples
    --------
    >>> import bayesdeep as bd
    >>> print(bd.methods("ml"))
    fit("ml"): maximum likelihood (not exact)
    <BLANKLINE>
    nodes  1; Nodes of the quadrature by which effects of groups are integrated out where that is not
           exact: 1 is Laplace's method. More are for models with one grouping factor and one effect a
           group.
    """
    if name is None:
        return _every()
    if name in ENGINES:
        engine = ENGINES[name]
        return _options(f'fit("{name}"): {engine.title} ({KINDS[engine.exact]})', options_of(engine.settings))
    terms = {key: term.options for key, term in TERMS.items() if term.options is not None}
    if name in terms:
        return _options(f"{name}(): options in a formula", options_of(terms[name]))
    known = [*ENGINES, *terms]
    raise FitError(f"methods: nothing is called '{name}'{nearest(name, known)}; there are {', '.join(known)}")


def _every() -> Methods:
    import pandas as pd

    rows = {
        name: {
            "what": engine.title, "exact": KINDS[engine.exact], "options": ", ".join(o.name for o in options_of(engine.settings)),
        }
        for name, engine in ENGINES.items()
    }  # fmt: skip
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")
    return Methods('fit(method) of a model; "auto" chooses. Options: bd.methods("nuts")', frame)


def _options(title: str, options: tuple[Option, ...]) -> Methods:
    import pandas as pd

    rows: dict[str, dict[str, Any]] = {o.name: {"default": repr(o.default), "what": o.text.replace("``", "")} for o in options}
    return Methods(title, pd.DataFrame.from_dict(rows, orient="index").rename_axis("option"))
