"""Plan and library agree: the same call with the same arguments gives the numbers of the report."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.plan import Run

pytestmark = pytest.mark.filterwarnings("ignore::trdstats.errors.TrdstatsWarning")
END = {"IV ketamine": 21, "Esketamine": 28, "TMS": 42, "ECT": 21, "Psilocybin": 21, "VNS": 91,
       "Digital": 56, "Lifestyle": 84}  # fmt: skip
RESPONSE, REMISSION = trd.Response(0.5), trd.Remission()
RELAPSE = trd.Relapse(at_least=22, consecutive=2)


@cache
def study() -> trd.Study:
    return trd.load_sample("modalities")


@cache
def onset() -> trd.EventTimes:
    times = trd.time_to(study(), RESPONSE, after_switch="ignore")
    # The reference of the plan stands first.
    return times.with_reference("TMS")


def in_response() -> pd.DataFrame:
    history = trd.response_history(study(), RESPONSE, RELAPSE, after_switch="ignore")
    kept = [t for t in study().treatments if t != "VNS"]  # not followed from the first visit
    try:
        return trd.ResponseState(42, reference="TMS").fit(history).mean_days()
    except trd.errors.NotEstimableError:
        return trd.ResponseState(42, reference="TMS").fit(history.only(kept)).mean_days()


def acute() -> pd.DataFrame:
    parts = []
    for rule in (RESPONSE, REMISSION):
        for treatment, day in END.items():
            own = trd.rates(study(), rule, day=day, reference="TMS", after_switch="ignore").tidy()
            parts.append(own[(own["measure"] == "rate") & (own["treatment"] == treatment)])
    return pd.concat(parts)


def compared() -> pd.DataFrame:
    return trd.compare(
        study(), adjust="age + sex + failed_trials + chronic + baseline", response=RESPONSE,
        relapse=RELAPSE, day=28, tau=42, relapse_tau=168, reference="TMS", n_boot=100,
        after_switch="ignore",
    ).tidy()  # fmt: skip


def durability() -> pd.DataFrame:
    times = trd.time_to(study(), RELAPSE, since=RESPONSE, competing="left follow-up",
                        after_switch="ignore")  # fmt: skip
    return trd.AalenJohansen().fit(times).at([28, 84, 168])


def every_choice() -> pd.DataFrame:
    rules = (RESPONSE, trd.Response(0.4), trd.Response(0.6), REMISSION)
    named = {r.label(study().scale): r for r in rules}
    return trd.multiverse(
        study(), named, primary=next(iter(named)), day=28, contrast=("ECT", "TMS"),
        missing=["nonresponse", "observed", "locf"], baseline=["last"],
    ).tidy()  # fmt: skip


CALLS: dict[str, Callable[[], pd.DataFrame]] = {
    "participant_flow": lambda: trd.participant_flow(study(), day=END).tidy(),
    "baseline_table": lambda: trd.baseline_table(study()).tidy(),
    "events": lambda: trd.count_events(study()).tidy(),
    "in_response_days": in_response,
    "rates": lambda: pd.concat(
        [trd.rates(study(), r, day=28, reference="TMS", after_switch="ignore").tidy()
         for r in (RESPONSE, REMISSION)]
    ),
    "rates_acute": acute,
    "onset_quantiles": lambda: trd.Turnbull().fit(onset()).quantiles(),
    "onset_test": lambda: trd.IntervalLogRank().fit(onset()).glance(),
    "onset_hazards": lambda: trd.IntervalPH("treatment").fit(onset()).tidy(),
    "onset_audit": lambda: trd.audit_schedule(study(), RESPONSE).tidy(),
    "onset_logrank": lambda: trd.LogRank().fit(onset()).glance(),
    "onset_rmst": lambda: trd.RMST(42, reference="TMS").fit(
        onset().only([t for t in study().treatments if onset().first_look[t] <= 42])
    ).tidy(),
    "durability_at": durability,
    "comparison": compared,
    "dropout": lambda: trd.describe_dropout(study(), until=91).tidy(),
    "multiverse": every_choice,
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_the_same_call_gives_the_same_numbers(sample_run: Run, name: str) -> None:
    written = pd.read_csv(sample_run.folder / "tables" / f"{name}.csv", keep_default_na=False,
                          na_values=[""])  # fmt: skip
    expected = CALLS[name]().reset_index(drop=True)
    assert len(written) == len(expected)
    numbers = [c for c in expected if expected[c].dtype.kind in "iuf" and c in written]
    assert numbers
    for column in numbers:
        # Files keep ten digits.
        np.testing.assert_allclose(
            pd.to_numeric(written[column]).to_numpy(dtype=float),
            expected[column].to_numpy(dtype=float), rtol=1e-9, atol=1e-300, err_msg=column,
        )  # fmt: skip
    words: list[Any] = ["treatment", "reference", "measure"]
    for column in (c for c in words if c in expected and c in written):
        assert written[column].fillna("").tolist() == expected[column].astype(str).tolist(), column
