"""Operations of PyTensor that models are made of, each with its derivative and its code for numba and JAX.

``gather`` (effects of groups to rows) · ``matvec``, ``product`` (matrices times coefficients) · ``layer`` (a layer of a
network) · ``glm_likelihood`` (fused log likelihoods; ``glm_loops`` and ``row_loops`` are their loops over rows) ·
``jax_ops`` (all of them in JAX) · ``structure`` (when two graphs are one, so that compiled code can be used again).
"""
