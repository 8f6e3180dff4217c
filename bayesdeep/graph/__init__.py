"""Spec and arrays to a PyMC model: the one definition of the model, and the only place with random variables."""
