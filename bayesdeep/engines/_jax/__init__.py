"""Chains in JAX: BlackJAX's NUTS in pieces, how it is tuned, and its pieces as arrays of draws.

``jax_nuts`` runs chains side by side in short pieces, so that progress shows and Ctrl-C keeps what is there;
``jax_tuning`` finds step size and scales in windows; ``jax_draws`` and ``kept_draws`` join the pieces, also those of
other methods.
"""
