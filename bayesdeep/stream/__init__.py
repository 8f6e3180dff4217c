"""Data that do not fit in memory: one pass over blocks of rows, to what a linear Gaussian model needs to know of them."""
