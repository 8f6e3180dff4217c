"""Chains in JAX: BlackJAX's NUTS in pieces, how it is tuned, and its pieces as arrays of draws.
"""
