"""Text to nodes. Knows the words of the language; sees no data.

*Text* is cut to *tokens* (``lexer``), tokens make *syntax trees* (``parser``, ``reader``), trees are multiplied out to
a *formula* (``expand``, ``sums``, ``algebra``): products, group-level terms (``group_terms``) and special terms.
``nodes`` has all these records, ``vocabulary`` and ``calls`` what may be called, ``walk`` questions about nodes,
``own`` the response's columns; ``problems`` and ``unexpected`` make the errors.
"""
