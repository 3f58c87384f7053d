"""Cross-products weighted by the inverse covariance of the residuals, with derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import sparse

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.gaussian.covariance import Shape
from trdstats.kernels.random_effects.chain import Blocks, Chain
from trdstats.kernels.random_effects.moments import Derivatives, Moments, pairs_of


class Residuals(Protocol):
    """The residuals of the ratings given all random effects."""

    @property
    def size(self) -> int:
        """Number of parameters."""
        ...

    def moments(self, chain: Chain, theta: FloatArray, ids: IntArray | None) -> Moments | None:
        """Return the cross-products at some parameters; None where no covariance."""
        ...


@dataclass(frozen=True)
class Independent:
    """Residuals without correlation and of one variance, which is 1 here.

    Attributes
    ----------
    blocks : list of ndarray, shape (w, u, g)
        Cross-products of the ratings by block.
    n : int
        Ratings.
    """

    blocks: Blocks
    n: int
    size: int = 1

    def moments(self, chain: Chain, theta: FloatArray, ids: IntArray | None) -> Moments | None:
        """Return the cross-products; `Moments.by_scale` has the derivatives by the variance."""
        return Moments(self.blocks, 0.0)


def independent(
    chain: Chain, designs: list[FloatArray], crossed: sparse.csr_matrix | None, z: FloatArray
) -> Independent:
    """Sum up ratings with independent residuals.

    Parameters
    ----------
    chain : Chain
    designs : list of ndarray, shape (N, r)
        Design of the effects of each nested level, rows in the order of the chain.
    crossed : sparse matrix, shape (N, p), or None
        Columns of all groups of the crossed factors.
    z : ndarray, shape (N, q + 1)
        Fixed effects' design and outcome.
    """
    N = len(z)
    blocks: Blocks = []
    for level, Z in enumerate(designs):
        starts = chain.starts[level]
        dense = np.concatenate([*designs[level:], z], axis=1).T.copy()
        n_before = len(dense) - z.shape[1]
        block = np.empty((Z.shape[1], sum(chain.widths[level:]), len(starts)))
        p = block.shape[1] - len(dense)
        for column, of_column in zip(Z.T, block, strict=True):
            sums = np.add.reduceat(column * dense, starts, axis=1)
            of_column[:n_before], of_column[n_before + p :] = sums[:n_before], sums[n_before:]
            if crossed is not None:
                group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, N)))
                by_group = sparse.csr_matrix((column, (group, np.arange(N))))
                of_column[n_before : n_before + p] = (by_group @ crossed).toarray().T
        blocks.append(block)
    if crossed is not None:
        blocks.append(np.hstack([(crossed.T @ crossed).toarray(), crossed.T @ z])[..., None])
    blocks.append((z.T @ z)[..., None])
    return Independent(blocks, N)


@dataclass(frozen=True)
class Structured:
    """Residuals that are correlated within an innermost group.

    Attributes
    ----------
    structure : callable
        Parameters to covariance matrices, one a schedule.
    n_parameters : int
    schedule : ndarray of int, shape (g,)
        Matrix that each group has.
    rated : ndarray of bool, shape (g, T)
    U : ndarray, shape (g, T, w)
        Columns of all blocks, 0 where there is no rating.
    """

    structure: Callable[[FloatArray], Shape]
    n_parameters: int
    schedule: IntArray
    rated: BoolArray
    U: FloatArray

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.n_parameters

    def inverse(self, theta: FloatArray) -> tuple[FloatArray, float, Shape] | None:
        """Return the inverse covariance of each group, 0 where missing, and sum of log|V|."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            shape = self.structure(theta)
        if not np.isfinite(shape.value).all():
            return None
        mask = self.rated[:, :, None] & self.rated[:, None, :]
        V = np.where(mask, shape.value[self.schedule], np.eye(self.rated.shape[1]))
        try:
            root = np.linalg.cholesky(V)
        except np.linalg.LinAlgError:
            return None
        half = np.linalg.inv(root)
        log_det = 2 * float(np.log(np.diagonal(root, axis1=1, axis2=2)).sum())
        return np.where(mask, np.swapaxes(half, 1, 2) @ half, 0.0), log_det, shape

    def moments(self, chain: Chain, theta: FloatArray, ids: IntArray | None) -> Moments | None:
        """Return U'WU with W the inverse covariances of the residuals.

        Parameters
        ----------
        chain : Chain
        theta : ndarray, shape (h,)
        ids : ndarray of int, shape (h,), or None
            Numbers of the parameters; None where no derivatives are wanted.
        """
        inverse = self.inverse(theta)
        if inverse is None:
            return None
        W, log_det, shape = inverse
        WU = W @ self.U
        value = self._blocks(chain, WU)
        if ids is None:
            return Moments(value, log_det)
        first = shape.first[:, self.schedule] if shape.first.shape[1] > 1 else shape.first
        WV = [W @ V_h for V_h in first]
        pulled = [each @ WU for each in WV]
        one, two = pairs_of(len(ids))
        second, log_second, curve, log_curve = [], [], [], []
        for a, b in zip(one, two, strict=True):
            twice = WV[a] @ pulled[b] + WV[b] @ pulled[a]
            log_second.append(-float(np.einsum("gij,gji->", WV[a], WV[b])))
            if shape.second is not None:
                V_ab = shape.second[a, b]
                bent = W @ (V_ab[self.schedule] if len(V_ab) > 1 else V_ab)
                curve.append(self._blocks(chain, bent @ WU))
                log_curve.append(_trace(bent))
                twice = twice - bent @ WU
                log_second[-1] += log_curve[-1]
            second.append(self._blocks(chain, twice))
        derivatives = Derivatives(
            ids=ids, pairs=(one, two), first=_stacked([self._blocks(chain, -p) for p in pulled]),
            log_first=np.array([_trace(each) for each in WV]),
            second=_stacked(second), log_second=np.array(log_second),
            curve=_stacked(curve), log_curve=np.array(log_curve),
        )  # fmt: skip
        return Moments(value, log_det, derivatives)

    def _blocks(self, chain: Chain, right: FloatArray) -> Blocks:
        """Return the sums of U' right over the innermost groups, for every block."""
        widths = chain.widths
        blocks, at = [], 0
        for level, width in enumerate(widths):
            left, some = self.U[:, :, at : at + width], right[:, :, at:]
            if level == len(widths) - 1 or len(chain.starts[level]) == 1:
                n = left.shape[0] * left.shape[1]
                flat = left.reshape(n, width).T @ some.reshape(n, some.shape[2])
                blocks.append(flat[..., None])
            else:
                each = np.moveaxis(np.swapaxes(left, 1, 2) @ some, 0, -1)
                within = chain.within(0, level)
                blocks.append(each if level == 0 else np.add.reduceat(each, within, axis=-1))
            at += width
        return blocks


def _trace(matrices: FloatArray) -> float:
    """Return the sum over groups of the traces."""
    return float(np.trace(matrices, axis1=1, axis2=2).sum())


def _stacked(parts: list[Blocks]) -> Blocks:
    """Return blocks of several parameters side by side, shape (w, h, u, g)."""
    return [np.stack(blocks, axis=1) for blocks in zip(*parts, strict=True)]
