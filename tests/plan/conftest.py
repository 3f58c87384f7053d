"""A small randomised plan over files of its own, and the packaged plans, each run once."""

from __future__ import annotations

import pytest
from trial_plan import write_trial

from trdstats import read_plan, run_plan, sample_plan
from trdstats.plan import Run


@pytest.fixture(scope="package")
def trial_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return the run of the small plan; its plan lies beside the folder."""
    folder = tmp_path_factory.mktemp("trial")
    return run_plan(read_plan(write_trial(folder)), folder / "out")


@pytest.fixture(scope="package")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return the run of the packaged plan, which takes half a minute."""
    return run_plan(read_plan(), tmp_path_factory.mktemp("sample") / "report")


@pytest.fixture(scope="package")
def packaged_trial(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return the run of the packaged plan of a trial: all steps of trials, confirmatory results."""
    return run_plan(sample_plan("trial"), tmp_path_factory.mktemp("packaged_trial") / "report")
