"""Read Ibis code without running it: every expression's value over tables without rows."""

from ibert.interpreter.interpreter import Interpreter, Problem, Reading, read
from ibert.interpreter.objects import UNKNOWN, Connection, Function

__all__ = ["UNKNOWN", "Connection", "Function", "Interpreter", "Problem", "Reading", "read"]
