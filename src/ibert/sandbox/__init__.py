"""Run SQL and Ibis code that nobody vouches for, in another process, under limits.

`Sandbox` is the only way in: every piece of code that iBERT did not write itself runs through it.

What is covered: endless loops (the process is killed at the time limit), memory, output, exits and
crashes (each is a typed `Failure`, and the next job finds a fresh process), changes to the tables
(the databases are read-only and each job has a connection of its own), SQL that reads files or the
network (DuckDB's external access is off and its configuration locked).

What is not covered yet: Python code may open files and sockets with the rights of the user, and a
job that alters Python itself is seen by the jobs after it in the same process. Run only code whose
author you trust with your account.
"""

from ibert.sandbox.protocol import Execution, Failure, FailureKind, Limits, Result
from ibert.sandbox.sandbox import Sandbox, SandboxError

__all__ = ["Execution", "Failure", "FailureKind", "Limits", "Result", "Sandbox", "SandboxError"]
