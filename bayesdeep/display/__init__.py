"""How work and results show themselves: a progress bar in a terminal or a notebook, and tables in a notebook.

``progress`` (rate and time left; silence where nobody looks) · ``text_table`` (a table as texts, for page, Markdown and
terminal alike) · ``notebook`` (what ``_repr_html_`` shows) · ``templates`` (all HTML that the package writes).
"""
