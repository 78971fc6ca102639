"""What Ibis raises where it does not build an expression."""

from __future__ import annotations

from ibis.common.annotations import ValidationError
from ibis.common.exceptions import IbisError

ERRORS: tuple[type[Exception], ...] = (
    IbisError,
    ValidationError,
    AttributeError,
    NotImplementedError,
    TypeError,
    ValueError,
)
