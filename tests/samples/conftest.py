from __future__ import annotations

import pytest

from trdstats.study.samples import SampleStudy, simulate_modalities, simulate_trial


@pytest.fixture(scope="session")
def modalities() -> SampleStudy:
    return simulate_modalities()


@pytest.fixture(scope="session")
def trial() -> SampleStudy:
    return simulate_trial()


@pytest.fixture(scope="session", params=["modalities", "trial"])
def study(request: pytest.FixtureRequest) -> SampleStudy:
    found: SampleStudy = request.getfixturevalue(request.param)
    return found
