"""Whether a file is as it was written: counts that are edited by hand enter results unseen."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_NAME = "checksum"


def sealed(values: dict[str, Any]) -> dict[str, Any]:
    """Return values with the SHA-256 of what they hold."""
    return {**values, _NAME: _checksum(values)}


def is_as_written(values: dict[str, Any]) -> bool:
    """Return whether values hold what they held when they were sealed."""
    return values.get(_NAME) == _checksum(values)


def _checksum(values: dict[str, Any]) -> str:
    """Return the SHA-256 of all values but itself, however they are laid out in a file."""
    content = {k: v for k, v in values.items() if k != _NAME}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
