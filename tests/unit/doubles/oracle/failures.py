"""How the tests expect an Oracle error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import oracledb
import pytest


class Failure:
    """The error that was raised: filled when the block is left."""

    message = ""
    is_session_dead = False


@contextmanager
def fails_with(code: str, kind: type[oracledb.Error] = oracledb.DatabaseError) -> Iterator[Failure]:
    """Passes if the block raises this error, by its full code: `ORA-00001`, `DPY-4011`."""
    failure = Failure()
    with pytest.raises(kind) as caught:
        yield failure
    error = caught.value.args[0]
    assert error.full_code == code, error.message
    failure.message = error.message
    failure.is_session_dead = error.is_session_dead
