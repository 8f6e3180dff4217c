"""Chains in JAX: in pieces side by side, BlackJAX's NUTS, how it is tuned, and the pieces as arrays of draws.

``jax_chains`` runs chains side by side in short pieces, so that progress shows and Ctrl-C keeps what is there; ``jax_nuts``
is the iteration of NUTS (that of microcanonical chains is in ``mclmc``);
``jax_tuning`` finds step size and scales in windows; ``jax_draws`` and ``kept_draws`` join the pieces, also those of
other methods.
"""
