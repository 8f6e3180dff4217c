"""The model as data: formulas, links, what the design learned, and every prior as an explicit number."""
