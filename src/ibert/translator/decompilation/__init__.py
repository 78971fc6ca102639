"""Ibis expressions back to the code that builds them, by way of the translator's relations."""

from ibert.translator.decompilation.decompiler import decompile

__all__ = ["decompile"]
