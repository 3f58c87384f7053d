"""Independent random streams, one for each purpose within each group of subjects."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def open_stream(seed: int, *path: str) -> np.random.Generator:
    """Return the generator that belongs to a path of names.

    The child is found by a checksum of the names, not by its place in a list: adding a cohort,
    or drawing once more for one purpose, moves no number anywhere else.

    Parameters
    ----------
    seed : int
        Seed of the whole study.
    *path : str
        For example ``"modalities", "ECT", "attrition"``.

    Returns
    -------
    numpy.random.Generator
        PCG64.
    """
    key = tuple(crc32(name.encode()) for name in path)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
