"""Formulas and data to a design: what every term learned, the arrays, and the response. Data frames end here.

A *frame* (``frame``, ``convert``, ``array_columns``) is the user's data as columns, whatever they came in. A *factor*
(``factors``, ``arithmetic``) is one expression of a formula on some rows: numbers, or codes of a category. *Coding*
(``coding``, ``redundancy``) makes columns of products of factors; *levels* (``group_levels``) are the labels of what groups
rows. A *context* (``context``) is how terms see the data while they learn and while they make arrays, on training rows and on
others. ``learn`` asks *training data* (``training_data``) for complete rows (``missing``) and lets every term learn;
``responses`` reads the left side. What is odd about the data is refused (``numeric_as_text``) or said (``design_warnings``).
"""
