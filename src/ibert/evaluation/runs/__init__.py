"""Evaluation of engines: what they write about the six tasks, kept, judged, and compared."""
