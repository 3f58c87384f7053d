from __future__ import annotations

import pandas as pd
import pytest

from trdstats.simulate import SampleStudy, simulate_modalities, simulate_trial
from trdstats.study import sample_tables


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


@pytest.fixture(scope="session")
def tables() -> dict[str, pd.DataFrame]:
    """Return the tables as a reader finds them, text columns and all."""
    return sample_tables("registry")


@pytest.fixture(scope="session", params=["qids", "phq9"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def valid_forms(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the forms of the registry that are not listed, items as numbers."""
    defects, found = tables["defects"], {}
    for form in ("qids", "phq9"):
        listed = defects.loc[defects["form"] == form, ["patient", "day"]].drop_duplicates()
        merged = tables[form].merge(listed, how="left", indicator=True)
        kept = tables[form][(merged["_merge"] == "left_only").to_numpy()]
        items = [c for c in kept.columns if c.startswith(f"{form}_")]
        found[form] = kept.astype(dict.fromkeys(items, float))
    return found
