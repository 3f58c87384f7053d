"""What a user's script defines goes to workers, the library it mentions by name."""

from __future__ import annotations

import pickle
import subprocess
import sys

import trdstats

SCRIPT = """
import trdstats as trd
from joblib import Parallel, delayed

def responders(k):
    study = trd.load_sample("trial").thinned([28])
    return int(trd.rates(study, trd.Response(), day=28).tidy()["n"].iloc[k])

if __name__ == "__main__":
    print(Parallel(n_jobs=2)(delayed(responders)(k) for k in range(2)))
"""


def test_the_module_pickles_as_its_name() -> None:
    assert pickle.loads(pickle.dumps(trdstats)) is trdstats


def test_a_function_that_mentions_the_library_runs_in_workers(tmp_path: object) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.stdout.strip() == "[90, 90]", done.stderr
