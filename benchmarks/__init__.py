"""bayesdeep and its peers side by side: same data, same priors, same measurements. ``python -m benchmarks`` lists them."""
