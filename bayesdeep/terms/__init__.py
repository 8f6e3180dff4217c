"""Addends of a predictor, one file each."""
