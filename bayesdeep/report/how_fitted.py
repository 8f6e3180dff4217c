"""How a fit was made, as far as it was not by default."""

from dataclasses import asdict
from typing import Any

from bayesdeep.core.registry import ENGINES

COMMON = ("draws", "tune", "chains")


def how_fitted(tree: Any) -> dict[str, Any]:
    """Return the common settings of a fit's draws, the method's own, and the seed; ``tree`` is its ``idata``."""
    attrs, sizes = tree.attrs, tree["posterior"].sizes
    said = dict(attrs.get("settings") or {})
    method = attrs["method"]
    usual = asdict(ENGINES[method].settings()) if method in ENGINES else {}
    own = {k: v for k, v in said.items() if v is not None and (k in COMMON or v != usual.get(k))}
    counts = {} if said else {"draws": int(sizes["draw"]), "chains": int(sizes["chain"])}
    return {**counts, **own, "seed": int(attrs["seed"])}
