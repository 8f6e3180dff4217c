"""How work and results show themselves: a progress bar in a terminal or a notebook, and tables in a notebook.
"""
