"""One mixed model from several files, each summed up by a worker of a dask cluster.

Run: python docs/examples/merge_with_dask.py
Needs: pip install "trdstats[dask]"

joblib hands the chunks to whatever backend is named; the workers send sums back, never rows. The
same works for hospitals that may not share rows: each runs `summarise` on its own and sends the
summary.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from distributed import Client, LocalCluster
from joblib import Parallel, delayed, parallel_config

import trdstats as trd
from trdstats.longitudinal import MMRMSummary

MODEL = trd.MMRM("change ~ baseline * visit + treatment * visit")
ARMS, VISITS = ["placebo", "drug"], [7, 14, 28]


def read_chunk(k: int) -> pd.DataFrame:
    """Return one file's patients, here made up; every chunk names all arms and visits."""
    rng = np.random.default_rng(k)
    n, T = 200, len(VISITS)
    baseline = rng.normal(32, 5, n).round()
    arm = rng.integers(0, 2, n)
    path = rng.normal(0, 4, (n, 1)) + rng.normal(0, 5, (n, T)).cumsum(axis=1)
    change = -4 - 2 * np.arange(T) - 3 * arm[:, None] + path
    frame = pd.DataFrame(
        {
            "subject": np.repeat(np.arange(n) + 1000 * k, T),
            "treatment": pd.Categorical.from_codes(np.repeat(arm, T), ARMS),
            "visit": pd.Categorical(np.tile(VISITS, n), categories=VISITS),
            "baseline": np.repeat(baseline, T),
            "change": change.ravel(),
        }
    )
    return frame.sample(frac=0.9, random_state=k)


def summarise_chunk(k: int) -> MMRMSummary:
    """Return the sums of one file."""
    return MODEL.summarise(read_chunk(k))


def main() -> None:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
        parallel_config(backend="dask"),
    ):
        parts = Parallel()(delayed(summarise_chunk)(k) for k in range(4))
    merged = MODEL.fit(sum(parts[1:], start=parts[0]))
    whole = MODEL.fit(pd.concat(read_chunk(k) for k in range(4)))
    contrasts = merged.margins("treatment", by="visit").contrasts(reference="placebo")
    print(contrasts)
    gap = abs(merged.loglik - whole.loglik)
    print(f"Log-likelihood {merged.loglik:.6f}; from all rows in one place {gap:.0e} away")


if __name__ == "__main__":
    main()
