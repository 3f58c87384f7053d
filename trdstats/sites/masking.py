"""Sums that a centre learns without learning their parts.

Every count is sent with a mask added, a number of a hash of a secret that the sites share and the
centre does not know. The masks of all sites sum to 0, modulo a large number: only the sum of all
sites together can be read (additive secret sharing).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from trdstats.errors import SpecError

MODULUS = 2**61


def mask_of(secret: str, names: Sequence[str], site: str, cell: str) -> int:
    """Return the mask of a site for one count; those of all sites sum to 0 modulo `MODULUS`.

    Raises
    ------
    SpecError
        When there are fewer than three sites, or the secret is short.
    """
    if len(names) < 3:
        raise SpecError(
            "Masked counts need three sites or more, named in [sites] names: of two, each learns "
            "the count of the other from the sum."
        )
    _check(secret)
    if site == names[-1]:
        return -sum(_drawn(secret, n, cell) for n in names[:-1]) % MODULUS
    return _drawn(secret, site, cell)


def _drawn(secret: str, site: str, cell: str) -> int:
    text = "\x1f".join((secret, site, cell))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big") % MODULUS


def mark_of(secret: str) -> str:
    """Return a mark by which sites with other secrets are told; it does not give the secret away.

    Raises
    ------
    SpecError
        When the secret is short.
    """
    _check(secret)
    return hashlib.sha256(f"mark\x1f{secret}".encode()).hexdigest()[:16]


def _check(secret: str) -> None:
    if len(secret) < 16:
        raise SpecError("A secret has 16 characters or more, drawn at random.")
