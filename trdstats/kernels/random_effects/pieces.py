"""Many subjects looked at some thousands at a time: what is computed of them stays at hand.

The sums over subjects are those of the pieces added up. A piece and what is derived of it fit into
the fast memory of a processor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trdstats.kernels.random_effects.absorb import Pivot
from trdstats.kernels.random_effects.chain import Chain
from trdstats.kernels.random_effects.residuals import Independent

_SUBJECTS = 4096  # of a piece


def pieces_of(chain: Chain, residuals: Independent) -> list[tuple[Chain, Independent]]:
    """Return the subjects of a model with one level in pieces, views of the same sums.

    Parameters
    ----------
    chain : Chain
        Of one level.
    residuals : Independent
        The products of fixed effects and outcome are those of all: the first piece has them.
    """
    (starts,), (codes,), (block, total) = chain.starts, chain.codes, residuals.blocks
    pieces = []
    for first in range(0, len(starts), _SUBJECTS):
        here = slice(first, first + _SUBJECTS)
        part = Chain(chain.widths, (starts[here],), (codes[here],))
        rest, n = (np.zeros_like(total), 0) if first else (total, residuals.n)
        pieces.append((part, Independent([block[:, :, here], rest], n)))
    return pieces


def pivot_of(parts: Sequence[Pivot], variance: float) -> Pivot:
    """Return what the pieces took out, one beside the other.

    Parameters
    ----------
    parts : sequence of Pivot
        Where all parameters are divided by a variance.
    variance : float
    """
    F = np.concatenate([p.F for p in parts], axis=-1)
    return Pivot(F * variance, np.concatenate([p.Z_U for p in parts], axis=-1) / variance)
