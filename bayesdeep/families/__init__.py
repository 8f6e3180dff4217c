"""Response distributions, one file each: the file's name is the family's, and it defines ``FAMILY``.

A family codes a response, has parameters with links and default priors, one ``rv`` from which log likelihood and
predictive draws are taken, and its mean and variance; :mod:`bayesdeep.core.records` documents every field. Files that
begin with ``_`` have parts that several share.
"""

ELSEWHERE = dict.fromkeys(
    ("wiener", "ddm", "wfpt", "drift_diffusion"),
    "diffusion models of choices and response times are left to the package HSSM, which is made for them",
)
ELSEWHERE |= {
    "nbinom1": "'generalized_poisson' has counts whose variance is a multiple of their mean",
    "quasipoisson": "it has no likelihood; 'generalized_poisson' has counts whose variance is a multiple of their mean",
    "quasibinomial": "it has no likelihood; 'beta_binomial' has counts of successes that vary more",
    "geometric": "it is 'negative_binomial' with alpha=bd.known(1)",
    "gumbel": "it is 'gev' with xi=bd.known(0)",
    "multivariate_normal": "several normal responses are several formulas, bd.Model([…], residual_correlation=True)",
}
"""What is left to other packages, or is part of something else: by its names, where it is."""
