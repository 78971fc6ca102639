"""Training data: made from templates, proved by the verifier, written whole or not at all."""
