"""What published comparisons stumbled over: each pitfall is found where it is, and only there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.comparison.cohorts.comparability import PITFALLS

DAYS = (7, 14, 28)


def clinic(
    n: int = 120,
    *,
    name: str = "",
    scale: str = "MADRS",
    scores: Any = None,
    lost: dict[str, float] | None = None,
    baseline: Any = None,
    stays: Any = None,
    events: pd.DataFrame | None = None,
    **columns: Any,
) -> trd.Study:
    """Return subjects of A and B in turn; of each, half respond, the first half of ten in ten."""
    rng = np.random.default_rng(7)
    arm = np.resize(["A", "B"], n)
    turn = np.arange(n) // 2
    responds = turn % 2 == 0
    start = np.resize([28, 30, 31, 32, 33, 35, 36], n) if baseline is None else baseline
    score = np.where(responds, 10, 28) if scores is None else np.asarray(scores)
    gone = {} if lost is None else lost
    rows = []
    for i in range(n):
        leaves = (turn[i] * 0.37) % 1 < gone.get(arm[i], 0.0)
        days = DAYS[:2] if leaves else DAYS
        if stays is not None:
            days = DAYS if stays(arm[i], responds[i]) else DAYS[:2]
        rows.append({"subject": f"{name}{i:03}", "day": 0, "score": int(start[i])})
        rows += [{"subject": f"{name}{i:03}", "day": d, "score": int(score[i])} for d in days]
    covariates = pd.DataFrame({"subject": [f"{name}{i:03}" for i in range(n)], "treatment": arm,
                           "x": rng.normal(size=n), **columns})  # fmt: skip
    return trd.Study(pd.DataFrame(rows), covariates, events, scale=scale)


def findings(study: Any, **options: Any) -> pd.DataFrame:
    settings: dict[str, Any] = {"adjust": "x", "outcomes": ("rate",), "day": 28, "tau": 28}
    return trd.compare(study, **{**settings, **options}).findings().set_index("check")


def notes(study: Any, **options: Any) -> set[str]:
    table = findings(study, **options)
    return set(table.index[table["grade"] == "note"])


def test_without_a_pitfall_all_but_blinding_are_ok() -> None:
    table = findings(clinic(), estimand="overlap")
    assert set(PITFALLS) <= set(table.index)
    assert set(table.index[table["grade"] == "note"]) == {"blinding"}
    blind = clinic(blinding="sham-controlled")
    assert notes(blind, estimand="overlap") == set()
    text = str(trd.compare(clinic(), adjust="x", outcomes=("rate",), day=28, tau=28))
    assert "All, blinding: Nothing says who knew the treatment" in text
    assert "About blinding: Patients mostly notice these treatments" in text


def test_blinding_that_differs() -> None:
    study = clinic(blinding=np.resize(["open", "sham-controlled"], 120))
    row = findings(study).loc["blinding"]
    assert row["grade"] == "note"
    assert row["finding"] == "Blinding: sham-controlled under B, open under A."


def test_dropout_that_differs() -> None:
    table = findings(clinic(lost={"A": 0.1, "B": 0.4}))
    row = table.loc["dropout"]
    assert row["grade"] == "note"
    assert row["finding"] == (
        "Not assessed at the last visit due by day 28: 40 % under B, 12 % under A."
    )
    assert "CensoringWeights" in row["remedy"]
    assert findings(clinic(lost={"A": 0.2, "B": 0.2})).loc["dropout", "grade"] == "ok"


def test_responders_alone_are_followed() -> None:
    study = clinic(stays=lambda arm, responds: responds or arm == "A")
    table = findings(study, accept=["time zero"])
    row = table.loc["who is followed"]
    # Of B half respond and are all there; of the others nobody knows.
    assert row["finding"] == (
        "100 % of early responders to B were assessed at day 28, 0 % of the others: in response "
        "then "
        "were 50 to 100 % of all, depending on those not followed."
    )
    found = trd.compare(study, adjust="x", outcomes=("rate",), day=28, tau=28,
                        accept=["time zero"])  # fmt: skip
    text = str(found)
    assert "B, who is followed: 100 % of early responders" in text


def test_events_that_no_rule_counts() -> None:
    who = [f"{i:03}" for i in range(1, 40, 2)]
    events = pd.DataFrame({"subject": who, "day": 20, "event": "switch"})
    study = clinic(events=events)
    row = findings(study).loc["other treatment"]
    assert row["finding"] == "33 % had an event by day 28 that no rule here counts (switch)."
    counted = trd.LossOfResponse() | trd.Event(("switch",))
    assert findings(study, relapse=counted).loc["other treatment", "grade"] == "ok"
    # Of two kinds the one that a rule counts is not in the share: 4 of 60 were rescued.
    both = pd.concat([events, events.iloc[:4].assign(event="rescue")])
    row = findings(clinic(events=both), relapse=counted).loc["other treatment"]
    assert row["finding"] == "7 % had an event by day 28 that no rule here counts (rescue)."
    late = clinic(events=events.assign(day=100))
    assert findings(late).loc["other treatment", "grade"] == "ok"
    left = clinic(events=events.assign(event="withdrawal"))
    assert findings(left).loc["other treatment", "grade"] == "ok"


def test_an_endpoint_of_ones_own() -> None:
    row = findings(clinic(), response=trd.Response(0.45)).loc["endpoint"]
    assert row["grade"] == "note"
    assert row["finding"].startswith("The rule response (≥ 45 % fall) is not one of those in use")


def test_baselines_that_pile_up_at_the_entry_score() -> None:
    piled = np.resize([20, 20, 20, 20, 21, 21, 21, 21, 22, 22, 23, 23, 26, 26], 120)
    table = findings(clinic(baseline=piled, scores=np.resize([9, 9, 19, 19], 120)))
    rows = table.loc[["entry score"]]
    assert set(rows["grade"]) == {"note"}
    assert rows["finding"].iloc[0].startswith("36 baselines of B lie at 20 or 21, 16 at 22 or 23")


def test_patients_who_rate_themselves() -> None:
    study = clinic(
        scale="QIDS-SR", baseline=np.full(120, 20), scores=np.resize([8, 8, 19, 19], 120)
    )
    row = findings(study).loc["raters"]
    assert row["finding"].startswith("The QIDSSR16 is filled in by patients, who know")


def test_sites_and_therapists() -> None:
    row = findings(clinic(site=np.resize(["x", "y", "z"], 120))).loc["clusters"]
    assert row["finding"].startswith("Subjects come from 3 values of site")


@pytest.mark.filterwarnings("ignore:All subjects have the treatment")
def test_two_studies() -> None:
    one, two = clinic(name="P").only(["A"]), clinic(name="Q").only(["B"])
    row = findings({"first": one, "second": two}).loc["source"]
    assert row["finding"] == "They come from two studies, second and first."
    assert "Bucher or MAIC" in row["remedy"]


def test_weights_that_leave_a_difference() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=200) + np.resize([0, 1.9], 200)
    study = clinic(200, x=x)
    far = findings(study, estimand="ate").loc["balance"]
    assert far["grade"] == "caution"
    assert far["finding"].startswith("Weighted, they still differ in x (0.")
    assert findings(study, estimand="overlap").loc["balance", "grade"] == "ok"


def test_few_who_respond() -> None:
    score = np.where(np.arange(120) // 2 % 20 == 0, 10, 28)
    row = findings(clinic(scores=score)).loc["counts"]
    assert row["finding"].startswith("Fewer than 10 effective subjects under A and B respond")


def test_a_threshold_that_decides() -> None:
    # Baseline 30: 15 responds, 16 does not. Of 60 each, A responds in 20 and B in 24; of B 12 more
    # lie at 16, of A 3 lie at 15. All against and all for B put the difference between 24 - 20 and
    # 36 - 17 of 60, and the crude verdict turns.
    turn = np.arange(120) // 2
    in_b = np.arange(120) % 2 == 1
    score = np.where(in_b, np.select([turn < 24, turn < 36], [10, 16], 28),
                     np.select([turn < 17, turn < 20], [10, 15], 28))  # fmt: skip
    study = clinic(baseline=np.full(120, 30), scores=score, x=np.zeros(120) + turn % 2)
    found = trd.compare(study, adjust="x", outcomes=("rate",), day=28, tau=28)
    row = found.findings().set_index("check").loc["threshold"]
    assert row["grade"] == "note"
    assert row["finding"].startswith(
        "15 of 120 lie within a point of the threshold; judged the other way, they put the "
        "difference anywhere from 6.7 to 31.7 percentage points, and turning "
    )
    assert row["finding"].endswith("is enough to tell it from 0.")
    # How many are enough: one by one, by the estimator itself.
    order = [f"{i:03}" for i in np.flatnonzero((in_b & (score == 16)) | (~in_b & (score == 15)))]
    weights = trd.PropensityWeights("x").fit(study)
    heavy = weights.weights.set_index("subject").loc[order, "weight"]
    order = list(heavy.sort_values(ascending=False, kind="stable").index)
    met = pd.DataFrame({"subject": study.subjects["subject"].astype(str), "met": score <= 15,
                        "treatment": study.subjects["treatment"]})  # fmt: skip
    for k in range(1, 16):
        turned = met.assign(met=(met["met"] ^ met["subject"].isin(order[:k])).astype("boolean"))
        rates = trd.outcomes.weighted_rates.weigh_rates(turned, weights).rates
        if rates.compare(reference="A").tidy()["conf_low"].item() > 0:
            break
    assert f"and turning {k} is enough" in row["finding"]


def test_far_from_the_threshold() -> None:
    row = findings(clinic()).loc["threshold"]
    assert row["finding"] == "No subject lies within a point of the threshold."


def test_notes_of_the_whole() -> None:
    options: dict[str, Any] = {"adjust": "x", "day": 28, "tau": 28, "n_boot": 20}
    text = str(trd.compare(clinic(), outcomes=("rate", "onset"), **options))
    assert "2 adjusted tests stand here, none of them corrected for the others" in text
    assert "Onset alone favours treatments that work fast" in text
    text = str(trd.compare(clinic(), outcomes=("days in response",), **options))
    assert "Days in response or durability alone favour treatments that work slowly" in text
    assert "tests stand here" not in text
    found = trd.compare(clinic(), **options)
    assert "alone favour" not in str(found)
    # Balance and overlap stand beside the estimates.
    table = found.tidy()
    fit = found.weights[("B", "A")]
    assert table["overlap"].unique() == pytest.approx([fit.overlap()["coefficient"].item()])
    after = table.loc[table["analysis"] == "adjusted", "smd"].unique()
    assert after == pytest.approx([fit.balance()["smd_after"].abs().max()])
