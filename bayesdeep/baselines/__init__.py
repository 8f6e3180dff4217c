"""Baselines that models are compared with, one file each: estimators of scikit-learn, which is imported when they are used."""
