"""What every notebook begins with; tests put smaller numbers in its place."""

SETTINGS = "SETTINGS = dict(draws=1000, tune=1000, chains=4, seed=1, progress=False)"
