"""The tasks: an engine's candidate in, a verdict out."""
