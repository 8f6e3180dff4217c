"""Data that do not fit in memory: one pass over blocks of rows, to what a linear Gaussian model needs to know of them.

A *source* (``stream_source``, ``ragged``) yields *blocks* (``block``). Before they are read, terms learn from nothing and get
*stand-ins* for arrays (``stand_ins``): what they ask for is the *plan* (``read_plan``). The *scan* (``scan``) sums *full
products*, with a column for each combination of labels that was met (``label_tables``, ``moment_sums``, ``stream_response``).
Whatever is known only at the end, such as means, the order of labels and which levels have a column, is a linear map of these
sums (``finish``). So the sums answer in the place of rows (``scanned_data``) when the design is learned, by the same function
as from rows in memory (``learn_stream``), and the *moments* of the model's linear system are made of them (``assemble``).
"""
