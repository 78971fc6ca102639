"""Random queries over random tables: for training data, and to hold the translator against."""
