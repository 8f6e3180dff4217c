"""Comparison of fits by how well they predict rows they have not seen.

The road: ``comparable`` (same response, same rows?) -> ``held_out_scores`` (leave-one-out weights, exact refits or folds) ->
``assessed_fit`` (scores of one fit, row by row: ``proper_scores``) -> ``rank`` (the table; ``stacking`` the weights) ->
``errors_by_region`` (who is wrong where: ``regions``). ``scored_baseline``, ``baseline_data`` and ``baseline_fit`` put models of
scikit-learn on the same road.
"""
