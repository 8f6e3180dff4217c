"""From formula nodes and a data frame to arrays; data frames end here. Imports no PyMC."""
