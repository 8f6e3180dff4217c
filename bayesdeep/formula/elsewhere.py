"""Names that other software has for what a formula here writes otherwise, so that a refusal says what to write."""

from .vocabulary import Words

WRITTEN: dict[str, str] = {
    **dict.fromkeys(("standardize", "standardise", "zscore", "rescale", "std"), "scale(x)"),
    **dict.fromkeys(("centre", "centered", "demean"), "center(x)"),
    **dict.fromkeys(("lo", "loess", "smooth", "sm"), "s(x)"),
    **dict.fromkeys(("spline", "splines", "rcs", "natural_spline"), "ns(x, df=4)"),
    **dict.fromkeys(("te", "ti"), "t2(x, z)"),
    **dict.fromkeys(("B", "binary"), 'I(g == "a")'),
    **dict.fromkeys(("ifelse", "where", "if_else"), "I(x > 0)"),
    **dict.fromkeys(("pow", "power", "square"), "I(x**2)"),
    **dict.fromkeys(("inv_logit", "invlogit", "plogis", "sigmoid", "logistic"), "expit(x)"),
    **dict.fromkeys(("category", "categorical", "cat", "dummy", "dummies", "get_dummies", "onehot", "one_hot"), "C(g)"),
    **dict.fromkeys(("bin", "bins", "qcut", "ntile", "discretize"), "cut(x, 4)"),
    **dict.fromkeys(("random", "re", "ranef", "group"), "(1 | g)"),
    "hsgp": "gp(x)",
    "cr": 's(x, bs="cr")',
    "cc": 's(x, bs="cc")',
    "tp": 's(x, bs="tp")',
    "Q": "`a column's name`",
    "T": 'C(g, Treatment("a"))',
    "S": "C(g, Sum)",
    "ordered": 'C(g, levels=["low", "high"])',
    "interaction": "g:h",
    "qlogis": "logit(x)",
    "ln": "log(x)",
    "polynomial": "poly(x, 2)",
    "min": "pmin(x, 3)",
    "max": "pmax(x, 3)",
    "clip": "pmin(pmax(x, 0), 1)",
    "monotonic": "mo(x)",
}
"""Right of ``~``: what is written here, by the name elsewhere."""

LEFT: dict[str, str] = {
    **dict.fromkeys(("trunc", "constrained"), "truncated(y, 0, 9)"),
    **dict.fromkeys(("cens", "Surv"), "censored(y, status)"),
    **dict.fromkeys(("weights", "weight"), "weighted(y, w)"),
    **dict.fromkeys(("trials", "binomial", "binom"), "prop(k, n)"),
}
"""The same left of ``~``."""

OF_OTHER_ROWS = frozenset(
    {"lag", "lead", "shift", "diff", "sum", "cumsum", "mean", "median", "var", "sd", "rank", "rolling", "ewm", "n_distinct"}
)
"""What needs other rows than a prediction may have."""

NUMBERS = {"pi": "3.14159", "e": "2.71828", "inf": "inf", "Inf": "inf", "nan": ""}
CODINGS = {"sum": "C(g, Sum)", "helmert": "C(g, Helmert)", "treatment": 'C(g, Treatment("a"))'}
LIBRARIES = frozenset({"np", "numpy", "math", "scipy", "sp", "pd", "pandas", "patsy", "stats", "jnp", "torch", "splines", "mgcv"})
FRAMES = frozenset({"df", "data", "dat", "d", "self"})


def called(name: str, words: Words, left: bool = False) -> str:
    """Return what to write for a call that is not known, as a sentence; nothing where nobody can say.

    Parameters
    ----------
    name
        What is called.
    words
        The allow-list.
    left
        Whether it stands left of ``~``.
    """
    if name in OF_OTHER_ROWS:
        return f"{name}() needs more rows than its own; add it to the data as a column, group by group"
    found = (LEFT.get(name) if left else None) or WRITTEN.get(name) or WRITTEN.get(name.lower())
    if found is None:
        return ""
    function = found.partition("(")[0]
    missing = function.isidentifier() and words.kind(function) is None
    instead = f"it would be {function}(), which is not available in this version" if missing else f"it is written {found}"
    return f"there is no {name}() in a formula; {instead}"


def attribute(before: str, after: str, is_called: bool, words: Words) -> str:
    """Return what to write for ``before.after``, ``np.pi``, ``df.x``; nothing where nobody can say."""
    if before == "contr":
        return f"this coding is written {CODINGS[after]}" if after in CODINGS else f"codings are {', '.join(CODINGS.values())}"
    if before == "as" and after in ("numeric", "integer"):
        return "a column that holds numbers is used as it is, and text is made numbers in the data"
    if before in LIBRARIES and after in NUMBERS:
        return f"write {NUMBERS[after]}" if NUMBERS[after] else "a missing value belongs into the data"
    if before in FRAMES and not is_called:
        return f"a column stands by its name alone: {after}"
    if before in LIBRARIES and is_called and words.kind(after) is not None:
        return f"write {after}(…)"
    known = called(after, words) if is_called and (before in LIBRARIES or after in OF_OTHER_ROWS) else ""
    if known:
        return known
    return "of libraries there are functions of numbers, such as np.log(x)" if before in LIBRARIES else ""


def beside_bar(name: str) -> str:
    """Return what to write for ``y | name(…)``, as brms has it left of ``~``, as a sentence."""
    return f"it is written {LEFT[name]}" if name in LEFT else "weights are written weighted(y, w)"
