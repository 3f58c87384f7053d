"""All covariance structures by their abbreviations."""

from __future__ import annotations

from trdstats.errors import SpecError, unknown_name
from trdstats.longitudinal.covariances.combined import Independent, Kronecker, Nugget
from trdstats.longitudinal.covariances.covariances import (
    CompoundSymmetry,
    Correlated,
    Covariance,
    Toeplitz,
    Unstructured,
)

_WITH_NUGGET = ("sp_exp", "sp_gau", "sp_pow", "ar1")
_BY_VISIT = ("us", "cs", "ar1", "toep", "ad")

STRUCTURES: dict[str, Covariance] = {
    "ind": Independent(heterogeneous=False),
    "indh": Independent(heterogeneous=True),
    "us": Unstructured(),
    "toep": Toeplitz(),
    "toeph": Correlated("toep", heterogeneous=True),
    "ar1": Correlated("ar1", heterogeneous=False),
    "ar1h": Correlated("ar1", heterogeneous=True),
    "cs": CompoundSymmetry(),
    "csh": Correlated("cs", heterogeneous=True),
    "ad": Correlated("ad", heterogeneous=False),
    "adh": Correlated("ad", heterogeneous=True),
    "sp_exp": Correlated("sp_exp", heterogeneous=False),
    "sp_gau": Correlated("sp_gau", heterogeneous=False),
    "sp_pow": Correlated("sp_pow", heterogeneous=False),
    **{f"{key}+nugget": Nugget(Correlated(key, heterogeneous=False)) for key in _WITH_NUGGET},
}
OF_SCALES: dict[str, Covariance] = {f"us@{key}": Kronecker(key) for key in _BY_VISIT}


def get_covariance(covariance: str | Covariance) -> Covariance:
    """Return a structure by its abbreviation; a structure is returned as it is.

    Raises
    ------
    UnknownNameError, SpecError
        When there is no such structure.
    """
    if isinstance(covariance, Covariance):
        return covariance
    if not isinstance(covariance, str):
        raise SpecError(f"covariance must be a name or a Covariance; got {covariance!r}.")
    known = {**STRUCTURES, **OF_SCALES}
    if covariance not in known:
        raise unknown_name("covariance structure", covariance, known)
    return known[covariance]
