"""Covariance structures of repeated measures, each a value that can be given to a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.gaussian import covariance as kernel
from trdstats.kernels.gaussian.covariance import Correlation, Shape

_AT_BOUNDARY = 1e-6  # distance of all correlations from 0 or 1


@dataclass(frozen=True)
class Covariance(ABC):
    """A covariance structure: from parameters to the matrix of the visits.

    For a new structure give `label`, `size`, `start` and `matrix`; derivatives are then taken
    numerically. `shape` may give them exactly.

    Examples
    --------
    One variance before a day, another from it on, and one correlation:

    >>> import numpy as np
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class TwoVariances(Covariance):
    ...     day: float
    ...     label = "two variances"
    ...     def size(self, T):
    ...         return 3
    ...     def start(self, S, days):
    ...         v = np.diag(S)
    ...         return np.array([v[days < self.day].mean(), v[days >= self.day].mean(), 0.5])
    ...     def matrix(self, theta, days):
    ...         sd = np.sqrt(np.where(days < self.day, theta[0], theta[1]))
    ...         return np.outer(sd, sd) * np.where(np.eye(len(days)), 1, theta[2])
    >>> TwoVariances(14).shape(np.array([4.0, 9.0, 0.5]), np.array([7.0, 14.0])).value[0].tolist()
    [[4.0, 3.0], [3.0, 9.0]]
    """

    @property
    @abstractmethod
    def label(self) -> str:
        """Name of the structure."""

    @property
    def by_days(self) -> bool:
        """Whether the days of the visits matter, beyond their order."""
        return False

    @abstractmethod
    def size(self, T: int) -> int:
        """Return the number of parameters for T visits."""

    @abstractmethod
    def start(self, S: FloatArray, days: FloatArray) -> FloatArray:
        """Return starting values from a positive definite residual covariance S, shape (T, T)."""

    def matrix(self, theta: FloatArray, days: FloatArray) -> FloatArray:
        """Return the covariance matrix, shape (T, T)."""
        return np.asarray(self.shape(theta, days).value[0])

    def shape(self, theta: FloatArray, days: FloatArray) -> Shape:
        """Return the matrix with its derivatives; here by central differences of `matrix`."""
        return kernel.numeric_shape(lambda t: self.matrix(t, days), theta)

    def names(self, visits: list[str]) -> list[str]:
        """Return names of the parameters."""
        return [f"parameter {k + 1}" for k in range(self.size(len(visits)))]

    def at_boundary(self, theta: FloatArray, days: FloatArray) -> dict[int, str]:
        """Return the parameters that lie at their boundary, each with a sentence that says so.

        Their standard errors are not known. Here: none.
        """
        return {}

    @property
    def by_places(self) -> bool:
        """Whether it matters how many planned visits lie between two, assessed or not."""
        return False

    def at(self, places: FloatArray) -> Covariance:
        """Return the structure of visits that stand at some places of the schedule.

        Parameters
        ----------
        places : ndarray, shape (T,)
            Place of each visit among all planned visits: 0, 1, 3 where no subject was assessed
            at the third.
        """
        return self


@dataclass(frozen=True)
class OnDays:
    """A structure on the days of each schedule, as the likelihood sees it.

    Attributes
    ----------
    structure : Covariance
    days : ndarray, shape (K, T)
        Days of the visits, one row a schedule.
    """

    structure: Covariance
    days: FloatArray

    def __call__(self, theta: FloatArray) -> Shape:
        """Return the matrices with their derivatives."""
        shapes = [self.structure.shape(theta, schedule) for schedule in self.days]
        if len(shapes) == 1:
            return shapes[0]
        second = [shape.second for shape in shapes if shape.second is not None]
        return Shape(
            np.concatenate([shape.value for shape in shapes]),
            np.concatenate([shape.first for shape in shapes], axis=1),
            np.concatenate(second, axis=2) if second else None,
        )


class _OneVariance(Covariance):
    """A structure that is only a variance where there is one visit."""

    def at(self, places: FloatArray) -> Covariance:
        """Return the structure of some places; of one visit a single variance."""
        return Unstructured() if len(places) == 1 else self


@dataclass(frozen=True)
class Unstructured(Covariance):
    """Unstructured: every variance and covariance is a parameter."""

    label = "unstructured"

    def size(self, T: int) -> int:
        """Return the number of parameters."""
        return T * (T + 1) // 2

    def start(self, S: FloatArray, days: FloatArray) -> FloatArray:
        """Return the residual covariance itself."""
        return S[kernel.lower(len(S))]

    def shape(self, theta: FloatArray, days: FloatArray) -> Shape:
        """Return the matrix with its derivatives."""
        return kernel.unstructured(theta, len(days))

    def names(self, visits: list[str]) -> list[str]:
        """Return one name an entry of the lower triangle."""
        rows, columns = kernel.lower(len(visits))
        return [f"cov({visits[i]}, {visits[j]})" for i, j in zip(rows, columns, strict=True)]


@dataclass(frozen=True)
class Toeplitz(_OneVariance):
    """One variance, and one covariance for each distance between visits.

    Attributes
    ----------
    places : tuple of float, optional
        Places of the visits; by default they follow one another.
    """

    places: tuple[float, ...] | None = None
    label = "Toeplitz"

    @property
    def by_places(self) -> bool:
        """Whether it matters how many planned visits lie between two."""
        return True

    def at(self, places: FloatArray) -> Covariance:
        """Return the structure of some places."""
        structure = super().at(places)
        return replace(self, places=tuple(places.tolist())) if structure is self else structure

    def size(self, T: int) -> int:
        """Return the number of parameters."""
        return len(kernel.lags(_places(self.places, T)))

    def start(self, S: FloatArray, days: FloatArray) -> FloatArray:
        """Return the means of the diagonals, shrunk until the matrix is positive definite."""
        theta = _means_by_lag(S, _places(self.places, len(S)))
        theta[1:] *= 0.95
        return theta

    def shape(self, theta: FloatArray, days: FloatArray) -> Shape:
        """Return the matrix with its derivatives."""
        return kernel.banded(theta, _places(self.places, len(days)))

    def names(self, visits: list[str]) -> list[str]:
        """Return one name a distance."""
        lags = kernel.lags(_places(self.places, len(visits)))
        return ["variance", *(f"cov(distance {k:g})" for k in lags[1:])]


@dataclass(frozen=True)
class CompoundSymmetry(_OneVariance):
    """One covariance for all pairs, one variance: the structure of a random intercept."""

    label = "compound symmetry"

    def size(self, T: int) -> int:
        """Return the number of parameters."""
        return 2

    def start(self, S: FloatArray, days: FloatArray) -> FloatArray:
        """Return the mean covariance, and the mean variance minus it."""
        T = len(S)
        off = (S.sum() - np.trace(S)) / (T * (T - 1))
        return np.array([off, max(np.trace(S) / T - off, 0.1 * np.trace(S) / T)])

    def shape(self, theta: FloatArray, days: FloatArray) -> Shape:
        """Return the matrix with its derivatives."""
        return kernel.exchangeable(theta, len(days))

    def names(self, visits: list[str]) -> list[str]:
        """Return the two names."""
        return ["covariance", "residual variance"]


@dataclass(frozen=True)
class Correlated(_OneVariance):
    """Variances, one or one a visit, and a correlation of few parameters.

    Attributes
    ----------
    key : str
        Name of the correlation.
    heterogeneous : bool
        Whether every visit has its own variance.
    places : tuple of float, optional
        Places of the visits; by default they follow one another.
    """

    key: str
    heterogeneous: bool
    places: tuple[float, ...] | None = None

    @property
    def label(self) -> str:
        """Name of the structure."""
        return ("heterogeneous " if self.heterogeneous else "") + _CORRELATIONS[self.key].label

    @property
    def by_days(self) -> bool:
        """Whether the days of the visits matter, beyond their order."""
        return self.key.startswith("sp_")

    @property
    def by_places(self) -> bool:
        """Whether it matters how many planned visits lie between two."""
        return self.key in ("ar1", "toep")

    def at(self, places: FloatArray) -> Covariance:
        """Return the structure of some places."""
        structure = super().at(places)
        return replace(self, places=tuple(places.tolist())) if structure is self else structure

    def _where(self, days: FloatArray) -> FloatArray:
        """Return the days, or the places where days do not matter."""
        return days if self.by_days else _places(self.places, len(days))

    def size(self, T: int) -> int:
        """Return the number of parameters."""
        of_correlation = _CORRELATIONS[self.key].size(_places(self.places, T))
        return (T if self.heterogeneous else 1) + of_correlation

    def start(self, S: FloatArray, days: FloatArray) -> FloatArray:
        """Return variances and mean correlations of the residuals."""
        variance = np.diag(S)
        sd = np.sqrt(variance)
        C = np.clip(S / np.outer(sd, sd), -0.9, 0.9)
        variances = variance if self.heterogeneous else np.array([variance.mean()])
        return np.concatenate([variances, _CORRELATIONS[self.key].start(C, self._where(days))])

    def shape(self, theta: FloatArray, days: FloatArray) -> Shape:
        """Return the matrix with its derivatives."""
        n_v = len(days) if self.heterogeneous else 1
        correlation = _CORRELATIONS[self.key].build(theta[n_v:], self._where(days))
        if (theta[:n_v] <= 0).any():  # outside: the likelihood has no value here
            T = len(days)
            return Shape(np.full((1, T, T), np.nan), np.full((len(theta), 1, T, T), np.nan), None)
        return kernel.scaled(theta[:n_v], correlation)

    def at_boundary(self, theta: FloatArray, days: FloatArray) -> dict[int, str]:
        """Return the range, or correlation a day, where all visits correlate by 0 or by 1."""
        n_v = len(days) if self.heterogeneous else 1
        if not self.by_days or len(np.unique(days)) < 2:
            return {}
        correlation = _CORRELATIONS[self.key].build(theta[n_v:], days)[0]
        off = correlation[_distances(days) > 0]
        (name,) = _CORRELATIONS[self.key].names([], days)
        text = (
            f"The {name} of the {self.label} covariance is estimated at the boundary of the "
            "parameter space: visits have a correlation of "
        )
        if (np.abs(off) < _AT_BOUNDARY).all():
            return {n_v: f"{text}zero."}
        if (off > 1 - _AT_BOUNDARY).all():
            return {n_v: f"{text}one, however far apart."}
        return {}

    def names(self, visits: list[str]) -> list[str]:
        """Return names of variances, then of the correlation."""
        variances = [f"var({v})" for v in visits] if self.heterogeneous else ["variance"]
        names = _CORRELATIONS[self.key].names(visits, _places(self.places, len(visits)))
        return variances + names


def boundary_of(
    structure: Covariance, by_group: Sequence[FloatArray], days: FloatArray
) -> dict[int, str]:
    """Return which parameters of all groups lie at their boundary, each with a sentence."""
    sentences: dict[int, str] = {}
    start = 0
    for theta in by_group:
        sentences |= {start + k: text for k, text in structure.at_boundary(theta, days).items()}
        start += len(theta)
    return sentences


def correlation_of(key: str, rho: FloatArray, x: FloatArray) -> Correlation:
    """Return a correlation of visits at some places or days with its derivatives.

    Parameters
    ----------
    key : str
        Name of the correlation.
    rho : ndarray
        Its parameters.
    x : ndarray, shape (T,)
    """
    return _CORRELATIONS[key].build(rho, x)


@dataclass(frozen=True)
class _Family:
    """A correlation of few parameters, of visits at some places or days x."""

    label: str
    size: Callable[[FloatArray], int]
    start: Callable[[FloatArray, FloatArray], FloatArray]
    build: Callable[[FloatArray, FloatArray], Correlation]
    names: Callable[[list[str], FloatArray], list[str]]


def _places(places: tuple[float, ...] | None, T: int) -> FloatArray:
    return np.arange(T, dtype=float) if places is None else np.array(places)


def _distances(x: FloatArray) -> FloatArray:
    return np.abs(np.subtract.outer(x, x))


def _means_by_lag(C: FloatArray, places: FloatArray) -> FloatArray:
    """Return the mean entry at each distance that occurs."""
    bands = kernel.bands(places)
    return np.asarray((bands * C).sum(axis=(1, 2)) / bands.sum(axis=(1, 2)))


def _neighbours(C: FloatArray) -> float:
    return float(np.diagonal(C, 1).mean())


def _near(x: FloatArray) -> float:
    return float(np.abs(np.diff(x)).mean())


def _clipped(C: FloatArray) -> float:
    return float(np.clip(_neighbours(C), 0.05, 0.98))


def _start_power(C: FloatArray, x: FloatArray) -> FloatArray:
    return np.array([_clipped(C) ** (1 / _near(x))])


def _start_ar(C: FloatArray, x: FloatArray) -> FloatArray:
    # Adjacent visits without gaps keep the sign of their correlation.
    return np.array([_neighbours(C)]) if (np.diff(x) == 1).all() else _start_power(C, x)


def _mean_off(C: FloatArray, x: FloatArray) -> FloatArray:
    T = len(C)
    return np.array([(C.sum() - np.trace(C)) / (T * (T - 1))])


_CORRELATIONS = {
    "cs": _Family(
        "compound symmetry", lambda x: 1, _mean_off,
        lambda r, x: kernel.equal_correlation(r, len(x)), lambda v, x: ["correlation"],
    ),
    "ar1": _Family(
        "AR(1)", lambda x: 1, _start_ar,
        lambda r, x: kernel.power_correlation(r, _distances(x)), lambda v, x: ["correlation"],
    ),
    "toep": _Family(
        "Toeplitz", lambda x: len(kernel.lags(x)) - 1,
        lambda C, x: 0.95 * _means_by_lag(C, x)[1:], kernel.banded_correlation,
        lambda v, x: [f"cor(distance {k:g})" for k in kernel.lags(x)[1:]],
    ),
    "ad": _Family(
        "ante-dependence", lambda x: len(x) - 1, lambda C, x: np.diagonal(C, 1).copy(),
        lambda r, x: kernel.ante_correlation(r, len(x)),
        lambda v, x: [f"cor({a}, {b})" for a, b in pairwise(v)],
    ),
    "sp_exp": _Family(
        "spatial exponential", lambda x: 1,
        lambda C, x: np.array([-_near(x) / np.log(_clipped(C))]),
        lambda r, x: kernel.exponential_correlation(r, _distances(x)), lambda v, x: ["range"],
    ),
    "sp_gau": _Family(
        "spatial Gaussian", lambda x: 1,
        lambda C, x: np.array([_near(x) / np.sqrt(-np.log(_clipped(C)))]),
        lambda r, x: kernel.gaussian_correlation(r, _distances(x)), lambda v, x: ["range"],
    ),
    "sp_pow": _Family(
        "spatial power", lambda x: 1, _start_power,
        lambda r, x: kernel.power_correlation(r, _distances(x)),
        lambda v, x: ["correlation a day"],
    ),
}  # fmt: skip
