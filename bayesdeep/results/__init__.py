"""Draws to labelled results: the DataTree, the fit, predictions, saving and loading."""
