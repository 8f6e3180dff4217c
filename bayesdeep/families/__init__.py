"""Response distributions, one file each: the file's name is the family's, and it defines ``FAMILY``.

A family codes a response, has parameters with links and default priors, one ``rv`` from which log likelihood and
predictive draws are taken, and its mean and variance; :mod:`bayesdeep.core.records` documents every field. Files that
begin with ``_`` have parts that several share.
"""

ELSEWHERE = dict.fromkeys(
    ("wiener", "ddm", "wfpt", "drift_diffusion"),
    "diffusion models of choices and response times are left to the package HSSM, which is made for them",
)
"""Families that are left to other packages: by their names, where they are."""
