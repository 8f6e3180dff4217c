"""Whether the draws of several responses can be trusted, all together."""

from bayesdeep.results.joint_fitted import JointFitted
from bayesdeep.results.labelled import as_datatree
from bayesdeep.spec.joint_spec import prefix_of

from .diagnose import Diagnosis, diagnose


def diagnose_joint(fit: JointFitted) -> Diagnosis:
    """Return a verdict on the draws of all responses' quantities and of what they have in common."""
    spec = fit.spec.to_json()
    priors = [
        {**p, "name": f"{prefix_of(one)}{p['name']}"}
        for one, own in zip(fit.spec.responses, spec["responses"], strict=True)
        for p in own["priors"]
    ]
    tree = as_datatree(fit.tree).copy()
    tree.attrs = {**tree.attrs, "spec": {"priors": [*priors, *spec["priors"]]}}
    return diagnose(tree)
