"""Which degrees of freedom go with which estimation."""

from __future__ import annotations

from trdstats.errors import SpecError


def check_degrees(ddf: str, reml: bool) -> None:
    """Raise `SpecError` where degrees of freedom are not defined for the estimation."""
    if ddf.startswith("kenward") and not reml:
        raise SpecError(
            "Kenward-Roger is defined for REML only: with reml=False give ddf='satterthwaite' "
            "or 'residual', or leave reml=True."
        )
