"""What the engine lacks: one sentence that says what, and the command that gets it.

Nothing takes the place of what is missing: no other model, device or engine.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from ibert.diagnostics import Diagnostic, IbertError


def missing(code: str, what: str, command: str) -> IbertError:
    """Give the error for a part that is not there.

    Examples
    --------
    >>> print(missing("IB901", "the package 'peft' is not installed", "pip install 'ibert[model]'"))
    IB901 the package 'peft' is not installed
      hint: pip install 'ibert[model]'
    """
    return IbertError([Diagnostic(code=code, message=what, hint=command)])


def require(package: str, extra: str | None = "model") -> ModuleType:
    """Import a package of an extra, or one that is of none.

    Raises
    ------
    IbertError
        IB901 if it is not installed.

    Examples
    --------
    >>> require("a_package_that_is_not_there")
    Traceback (most recent call last):
    ibert.diagnostics.IbertError: IB901 the package 'a_package_that_is_not_there' is not installed
      hint: pip install 'ibert[model]'
    """
    if find_spec(package) is None:
        what = f"the package {package!r} is not installed"
        wanted = package if extra is None else f"'ibert[{extra}]'"
        raise missing("IB901", what, f"pip install {wanted}")
    return import_module(package)
