"""The factory: verified training data for all six tasks, in numbered shards of any number."""
