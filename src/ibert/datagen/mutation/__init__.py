"""Faults in code that is right, and queries in other spellings of the same meaning."""
