"""The model as data: formulas, links, what the design learned, and every prior as an explicit number.

``model_spec`` (the record) · ``make`` (a design, a family and a user's priors to one) · ``slots`` (the places that take
a prior, with their defaults: *the default prior of a coefficient* is its term's ``slots``) · ``assign_priors`` (what
the user chose, put there) · ``shares_of_budget``, ``residual`` (joint priors of all terms, and what they are measured
by) · ``prior_text`` (``"Normal(0, 1)"`` read) · ``declared`` (what terms declare: effects, addends, levels) ·
``posterior_names``, ``shared`` (names of quantities and dimensions) · ``as_json`` (records as JSON and back).
"""
