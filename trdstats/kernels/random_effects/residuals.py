"""Cross-products weighted by the inverse covariance of the residuals, with derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import sparse

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.gaussian.covariance import Shape
from trdstats.kernels.random_effects.absorb import Moments
from trdstats.kernels.random_effects.chain import Blocks, Chain


class Residuals(Protocol):
    """The residuals of the ratings given all random effects."""

    @property
    def size(self) -> int:
        """Number of parameters."""
        ...

    def moments(
        self, chain: Chain, theta: FloatArray, ids: list[int], order: int
    ) -> Moments | None:
        """Return the cross-products at some parameters; None where no covariance."""
        ...


@dataclass(frozen=True)
class Independent:
    """Residuals without correlation and of one variance.

    Attributes
    ----------
    blocks : list of ndarray
        Cross-products of the ratings by block.
    n : int
        Ratings.
    """

    blocks: Blocks
    n: int
    size: int = 1

    def moments(
        self, chain: Chain, theta: FloatArray, ids: list[int], order: int
    ) -> Moments | None:
        """Return the cross-products divided by the variance."""
        s2 = float(theta[0])
        if not (np.isfinite(s2) and s2 > 0):
            return None
        h = ids[0]
        result = Moments([b / s2 for b in self.blocks], self.n * np.log(s2))
        if order:
            result.first[h] = [b / -(s2**2) for b in self.blocks]
            result.log_first[h] = self.n / s2
            result.second[h, h] = [2 * b / s2**3 for b in self.blocks]
            result.log_second[h, h] = -self.n / s2**2
        return result


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
        dense = np.concatenate([*designs[level:], z], axis=1)
        n_before = dense.shape[1] - z.shape[1]
        block = np.empty((len(starts), Z.shape[1], sum(chain.widths[level:])))
        p = block.shape[2] - dense.shape[1]
        for i, column in enumerate(Z.T):
            sums = np.add.reduceat(column[:, None] * dense, starts, axis=0)
            block[:, i, :n_before] = sums[:, :n_before]
            block[:, i, n_before + p :] = sums[:, n_before:]
            if crossed is not None:
                group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, N)))
                by_group = sparse.csr_matrix((column, (group, np.arange(N))))
                block[:, i, n_before : n_before + p] = (by_group @ crossed).toarray()
        blocks.append(block)
    if crossed is not None:
        blocks.append(np.hstack([(crossed.T @ crossed).toarray(), crossed.T @ z])[None])
    blocks.append((z.T @ z)[None])
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

    def moments(
        self, chain: Chain, theta: FloatArray, ids: list[int], order: int
    ) -> Moments | None:
        """Return U'WU with W the inverse covariances of the residuals."""
        inverse = self.inverse(theta)
        if inverse is None:
            return None
        W, log_det, shape = inverse
        WU = W @ self.U
        result = Moments(self._blocks(chain, WU), log_det)
        if not order:
            return result
        first = shape.first[:, self.schedule] if shape.first.shape[1] > 1 else shape.first
        pulled = []
        for h, V_h in zip(ids, first, strict=True):
            WV = W @ V_h
            pulled.append((WV, WV @ WU))
            result.first[h] = [-b for b in self._blocks(chain, pulled[-1][1])]
            result.log_first[h] = float(np.trace(WV, axis1=1, axis2=2).sum())
        for a, h in enumerate(ids):
            for b, k in enumerate(ids[a:], a):
                twice = pulled[a][0] @ pulled[b][1] + pulled[b][0] @ pulled[a][1]
                trace = float(np.einsum("gij,gji->", pulled[a][0], pulled[b][0]))
                result.log_second[h, k] = -trace
                if shape.second is not None:
                    V_hk = shape.second[a, b]
                    V_hk = V_hk[self.schedule] if len(V_hk) > 1 else V_hk
                    bent = W @ V_hk
                    trace_hk = float(np.trace(bent, axis1=1, axis2=2).sum())
                    result.curve[h, k] = self._blocks(chain, bent @ WU)
                    result.log_curve[h, k] = trace_hk
                    twice = twice - bent @ WU
                    result.log_second[h, k] += trace_hk
                result.second[h, k] = self._blocks(chain, twice)
        return result

    def _blocks(self, chain: Chain, right: FloatArray) -> Blocks:
        """Return the sums of U' right over the innermost groups, for every block."""
        widths = chain.widths
        blocks, at = [], 0
        for level, width in enumerate(widths):
            left, some = self.U[:, :, at : at + width], right[:, :, at:]
            if level == len(widths) - 1 or len(chain.starts[level]) == 1:
                n = left.shape[0] * left.shape[1]
                flat = left.reshape(n, width).T @ some.reshape(n, some.shape[2])
                blocks.append(flat[None])
            else:
                each = np.swapaxes(left, 1, 2) @ some
                within = chain.within(0, level)
                blocks.append(each if level == 0 else np.add.reduceat(each, within, axis=0))
            at += width
        return blocks
