"""Training of networks to a point, shared by ``sgd``, ``ensemble``, ``dropout`` and what starts from trained weights.

``train_settings`` (options) -> ``train_split`` (training and judging rows, batches) -> ``train_coordinates`` (what is trained) ->
``train_program`` and ``train_steps`` (the compiled program, the optimiser) -> ``train_loop`` (epochs, early stopping) ->
``train_noise``, ``train_covariance`` (noise and group scales at the end) -> ``train_judge`` -> ``train_draws``. ``train_units``
drops units; ``train_compiled`` keeps programs; ``trained_start`` is where samplers of networks begin.
"""
