"""Covariance structures without correlation, and structures put together from others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.gaussian import covariance as kernel
from trdstats.kernels.gaussian.covariance import Shape
from trdstats.longitudinal.covariances.covariances import Correlated, Covariance, correlation_of


@dataclass(frozen=True)
class Independent(Covariance):
    """No correlation: one variance for all visits, or one a visit.

    Attributes
    ----------
    heterogeneous : bool
        Whether every visit has its own variance.
    """

    heterogeneous: bool

    @property
    def label(self) -> str:
        """Name of the structure."""
        return ("heterogeneous " if self.heterogeneous else "") + "independent"

    def size(self, T: int) -> int:
        """Return the number of parameters."""
        return T if self.heterogeneous else 1

    def start(self, S: FloatArray, days: FloatArray) -> FloatArray:
        """Return the variances of the residuals, or their mean."""
        variance = np.diag(S)
        return variance.copy() if self.heterogeneous else np.array([variance.mean()])

    def shape(self, theta: FloatArray, days: FloatArray) -> Shape:
        """Return the matrix with its derivatives."""
        one = np.eye(len(days))
        first = one[:, :, None] * one[:, None, :] if self.heterogeneous else one[None]
        return kernel.linear(theta, first)

    def names(self, visits: list[str]) -> list[str]:
        """Return names of the variances."""
        return [f"var({v})" for v in visits] if self.heterogeneous else ["variance"]


@dataclass(frozen=True)
class Nugget(Covariance):
    """A structure with one variance, and a variance of each rating alone: V = v C + t I.

    The nugget t is what two ratings on one day would still differ by. nlme's ``corExp(nugget =
    TRUE)`` has the same covariance with t / (v + t) as its parameter. As the covariance of compound
    symmetry it may be negative where ratings scatter less than the structure has it.

    Attributes
    ----------
    inner : Correlated
        A structure with one variance.

    References
    ----------
    Pinheiro and Bates 2000, Mixed-Effects Models in S and S-PLUS, section 5.3.2.
    """

    inner: Correlated

    @property
    def label(self) -> str:
        """Name of the structure."""
        return f"{self.inner.label} with nugget"

    @property
    def by_days(self) -> bool:
        """Whether the days of the visits matter, beyond their order."""
        return self.inner.by_days

    @property
    def by_places(self) -> bool:
        """Whether it matters how many planned visits lie between two."""
        return self.inner.by_places

    def at(self, places: FloatArray) -> Covariance:
        """Return the structure of some places; of one visit a single variance."""
        bound = self.inner.at(places)
        return replace(self, inner=bound) if isinstance(bound, Correlated) else bound

    def size(self, T: int) -> int:
        """Return the number of parameters."""
        return self.inner.size(T) + 1

    def start(self, S: FloatArray, days: FloatArray) -> FloatArray:
        """Return those of the structure, a fifth of the variance as nugget."""
        theta = self.inner.start(S, days)
        nugget = 0.2 * theta[0]
        theta[0] -= nugget
        return np.append(theta, nugget)

    def shape(self, theta: FloatArray, days: FloatArray) -> Shape:
        """Return the matrix with its derivatives."""
        inner, T = self.inner.shape(theta[:-1], days), len(days)
        one = np.eye(T)[None, None]
        second = None
        if inner.second is not None:
            h = len(theta)
            second = np.zeros((h, h, 1, T, T))
            second[:-1, :-1] = inner.second
        first = np.concatenate([inner.first, one])
        return Shape(inner.value + theta[-1] * one[0], first, second)

    def at_boundary(self, theta: FloatArray, days: FloatArray) -> dict[int, str]:
        """Return those of the structure."""
        return self.inner.at_boundary(theta[:-1], days)

    def names(self, visits: list[str]) -> list[str]:
        """Return those of the structure, then the nugget."""
        return [*self.inner.names(visits), "nugget variance"]


@dataclass(frozen=True)
class Kronecker(Covariance):
    """Several scales at every visit: unstructured between scales, times a correlation of visits.

    The covariance of scale a at visit s and scale b at visit t is A_ab C_st, as SAS TYPE=UN@AR(1),
    UN@CS and UN@UN; C has variance 1 at every visit, under "us" at the first.

    Attributes
    ----------
    key : str
        Correlation of the visits: "ar1", "cs", "toep", "ad" or "us".
    n_scales : int, optional
        Number of scales; known with the data.
    places : tuple of float
        Places of the visits.

    References
    ----------
    Galecki 1994, doi:10.1080/03610929408831436.
    """

    key: str
    n_scales: int = 1
    places: tuple[float, ...] = (0.0,)

    @property
    def label(self) -> str:
        """Name of the structure."""
        inner = "unstructured" if self.key == "us" else Correlated(self.key, False).label
        return f"unstructured @ {inner}"

    @property
    def by_places(self) -> bool:
        """Whether it matters how many planned visits lie between two."""
        return self.key in ("ar1", "toep")

    def at(self, places: FloatArray) -> Covariance:
        """Return the structure of the visits of each scale, the places repeated for each."""
        K = int((places == places[0]).sum())
        return replace(self, n_scales=K, places=tuple(places[: len(places) // K].tolist()))

    @property
    def _n_between(self) -> int:
        return self.n_scales * (self.n_scales + 1) // 2

    def size(self, T: int) -> int:
        """Return the number of parameters."""
        return self._n_between + self._n_within

    @property
    def _n_within(self) -> int:
        T = len(self.places)
        if T == 1:
            return 0
        if self.key == "us":
            return T * (T + 1) // 2 - 1
        return Correlated(self.key, False, self.places).size(T) - 1

    def start(self, S: FloatArray, days: FloatArray) -> FloatArray:
        """Return means over visits for the scales, means over scales for the visits."""
        K, T = self.n_scales, len(self.places)
        cube = S.reshape(K, T, K, T)
        A = np.einsum("atbt->ab", cube) / T
        rows, columns = kernel.lower(K)
        sd = np.sqrt(np.einsum("atat->at", cube))
        C = np.einsum("asat->st", cube / (sd[:, :, None, None] * sd)) / K
        return np.concatenate([A[rows, columns], self._start_within(C)])

    def _start_within(self, C: FloatArray) -> FloatArray:
        T = len(self.places)
        if not self._n_within:
            return np.zeros(0)
        if self.key == "us":
            return np.asarray((0.9 * C + 0.1 * np.eye(T))[kernel.lower(T)][1:])
        return Correlated(self.key, False, self.places).start(C, np.array(self.places))[1:]

    def shape(self, theta: FloatArray, days: FloatArray) -> Shape:
        """Return the matrix with its derivatives."""
        K, k, h = self.n_scales, self._n_between, len(theta)
        between = kernel.unstructured(theta[:k], K)
        C, dC, ddC = self._within(theta[k:])
        A, dA = between.value[0], between.first[:, 0]
        first = np.concatenate(
            [_kronecker(dA, C[None]), _kronecker(A[None], dC)]
            if len(dC)
            else [_kronecker(dA, C[None])]
        )
        n = len(A) * len(C)
        second = np.zeros((h, h, n, n))
        for i in range(h - k):
            second[:k, k + i] = second[k + i, :k] = _kronecker(dA, dC[i][None])
            second[k + i, k:] = _kronecker(A[None], ddC[i])
        return Shape(np.kron(A, C)[None], first[:, None], second[:, :, None])

    def _within(self, theta: FloatArray) -> kernel.Correlation:
        T = len(self.places)
        if not self._n_within:
            return np.eye(T), np.zeros((0, T, T)), np.zeros((0, 0, T, T))
        if self.key == "us":
            shape = kernel.unstructured(np.concatenate([[1.0], theta]), T)
            return shape.value[0], shape.first[1:, 0], np.zeros((len(theta), len(theta), T, T))
        return correlation_of(self.key, theta, np.array(self.places))

    def names(self, visits: list[str]) -> list[str]:
        """Return names of the entries between scales, then of the correlation of visits."""
        T = len(self.places)
        scales = [visits[k * T].rsplit(", ", 1)[0] for k in range(self.n_scales)]
        days = [v.rsplit(", ", 1)[1] for v in visits[:T]]
        rows, columns = kernel.lower(self.n_scales)
        between = [f"cov({scales[i]}, {scales[j]})" for i, j in zip(rows, columns, strict=True)]
        if not self._n_within:
            return between
        if self.key == "us":
            rows, columns = kernel.lower(T)
            pairs = list(zip(rows, columns, strict=True))[1:]
            return [*between, *(f"relative cov({days[i]}, {days[j]})" for i, j in pairs)]
        return [*between, *Correlated(self.key, False, self.places).names(days)[1:]]


def _kronecker(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the Kronecker products of matrices, (h, k, k) and (h, t, t), one of them repeated."""
    h = max(len(left), len(right))
    K, T = left.shape[1], right.shape[1]
    product = left[:, :, None, :, None] * right[:, None, :, None, :]
    return np.asarray(product.reshape(h, K * T, K * T))
