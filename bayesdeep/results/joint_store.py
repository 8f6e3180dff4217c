"""A fit of several responses as one tree, and back."""

from __future__ import annotations

import numpy as np

from bayesdeep.core.errors import FitError
from bayesdeep.core.lazy import xr
from bayesdeep.spec.joint_spec import JointSpec

from .fitted import Fitted
from .joint_fitted import JointFitted, JointRows
from .labelled import as_datatree
from .rows import Rows
from .store import complete
from .tree import rows_from_tree

RESPONSES = "responses"
"""Attribute with the number of rows in all, by which a tree of several responses is known."""


def joint_tree(fit: JointFitted) -> xr.DataTree:
    """Return everything that a fit of several responses is loaded from: a group a response is a fit of its own."""
    whole = as_datatree(fit.tree).copy()
    whole.attrs = {**whole.attrs, "spec": fit.spec.to_json(), "explain_choice": fit.explain_choice, RESPONSES: fit.rows.rows}
    for k, (one, place) in enumerate(zip(fit.each.values(), fit.rows.places, strict=True)):
        own = complete(one.idata, one.spec, one.explain_choice)
        own["places"] = xr.DataTree(xr.Dataset({"place": (("obs",), np.asarray(place))}))
        whole[f"response_{k}"] = own
    return whole


def fitted_from(tree: xr.DataTree) -> JointFitted:
    """Return the fit that :func:`joint_tree` was given.

    Raises
    ------
    FitError
        Where its record of the model cannot be read.
    """
    try:
        spec = JointSpec.from_json(tree.attrs["spec"])
        each, places, rows = {}, [], []
        for k, one in enumerate(spec.responses):
            own = tree.children[f"response_{k}"]
            made = rows_from_tree(own, spec.view(k))
            assert isinstance(made, Rows)
            rows.append(made)
            places.append(np.asarray(own["places"]["place"]))
            why = str(own.attrs.get("explain_choice", ""))
            each[one.response.name] = Fitted(spec.view(k), made, own.copy(), why)
        joint = JointRows(tuple(rows), tuple(places), int(tree.attrs[RESPONSES]))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, AssertionError) as error:
        raise FitError(f"load: a fit of several responses cannot be read ({type(error).__name__}: {error})") from error
    return JointFitted(spec, joint, tree, each, str(tree.attrs.get("explain_choice", "")))
