"""The packaged figures computed on this machine."""

from __future__ import annotations

import math
import platform
import warnings
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

import trdstats
from trdstats.selfcheck.cases import Case, read_cases
from trdstats.selfcheck.certificate import Certificate, CheckedFigure
from trdstats.selfcheck.recipes import RECIPES
from trdstats.threads import one_thread

PACKAGES = ("numpy", "scipy", "pandas", "formulaic", "statsmodels", "lifelines")


@one_thread
def selfcheck() -> Certificate:
    """Compute figures of R, SAS, published papers and worked cases on this machine.

    A few hundred figures from every part of the library, packaged with their sources, are computed
    again and compared, each to a stated tolerance. It takes a few seconds and reads no data of
    the user. The command ``trdstats selfcheck`` writes the certificate.

    Returns
    -------
    Certificate

    Examples
    --------
    >>> import trdstats as trd
    >>> certificate = trd.selfcheck()
    >>> certificate.passes
    True
    """
    return certify(read_cases())


def certify(cases: Sequence[Case]) -> Certificate:
    """Return what cases come to on this machine.

    Parameters
    ----------
    cases : sequence of Case
    """
    figures = tuple(figure for case in cases for figure in _checked(case))
    versions = {"trdstats": trdstats.__version__, "Python": platform.python_version()}
    versions |= {name: _version_of(name) for name in PACKAGES}
    system = f"{platform.system()} {platform.machine()}"
    return Certificate(versions, system, figures)


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # no figure needs lifelines
        return "not installed"


def _checked(case: Case) -> Iterator[CheckedFigure]:
    computed, error = {}, ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            computed = RECIPES[case.recipe](case.inputs)
    except Exception as failure:  # one part that breaks must not hide the others
        error = f"{type(failure).__name__}: {failure}"
    for figure in case.figures:
        value = computed.get(figure.name, math.nan)
        missing = "" if figure.name in computed else "no such figure"
        yield CheckedFigure(
            case.room, case.title, figure.name, figure.value, value, figure.allowed,
            case.provenance, case.tolerance, error or missing,
        )  # fmt: skip
