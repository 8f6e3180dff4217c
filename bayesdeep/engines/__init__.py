"""Methods that turn a target into draws, one file or one folder each; what begins with ``_`` helps several.

Exact: ``nuts``, ``mclmc`` (any density), ``collapsed``, ``gibbs`` (linear Gaussian systems), ``transport`` (rows of any
response that meet normal coefficients). ``collapsed`` is only the driver: the integral is in
:mod:`bayesdeep.linear.block_elimination`; what ``transport`` and ``laplace_marginal`` have in common is in
``_laplace``. Approximations: ``advi``, ``fullrank_advi``,
``pathfinder``, ``laplace``, ``laplace_marginal``. Points, of networks: ``sgd``, ``ensemble``,
``dropout``; of all: ``map``. An engine says by words what it ``needs`` of a target and gives
:class:`bayesdeep.core.draws.Draws`; which of them ``auto`` takes is decided in
:mod:`bayesdeep.inference.select_engine`.
"""
