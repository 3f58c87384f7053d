"""Scores under an estimand: four patients, every strategy, worked by hand.

MADRS, baseline 30, visits on days 7, 14, 21 and 28; the scale ends at 60.

            7   14   21   28     event
A  ECT     20   18   16   14     rescue on day 10 (hypothetical): 14, 21, 28 removed
B  ECT     25    .   22   20     hospitalisation on day 14 (composite, baseline): 21, 28 set to 30
C  TMS     24   20   18   17     switch on day 20 (while on treatment): 21, 28 set to 20
D  TMS     28   27   26    .     withdrawal on day 22 (treatment policy): nothing changes

Of sixteen scores two are missing (B 14, D 28); three are removed, four set, seven used.
Response (15 or below) at day 28 with those not rated as failures: A's 14 is removed, so nobody.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError

SCORES = {"A": [20, 18, 16, 14], "B": [25, np.nan, 22, 20], "C": [24, 20, 18, 17],
          "D": [28, 27, 26, np.nan]}  # fmt: skip
EVENTS = pd.DataFrame(
    {"subject": list("ABCD"), "day": [10, 14, 20, 22],
     "event": ["rescue", "hospitalisation", "switch", "withdrawal"]}
)  # fmt: skip
STRATEGIES = {
    "rescue": trd.Hypothetical(),
    "hospitalisation": trd.Composite(score="baseline"),
    "switch": trd.WhileOnTreatment(),
    "withdrawal": trd.TreatmentPolicy(),
}


def four(events: pd.DataFrame | None = EVENTS) -> trd.Study:
    rows = [
        {"subject": s, "treatment": "ECT" if s in "AB" else "TMS", "day": 7 * k, "score": v}
        for s, values in SCORES.items() for k, v in enumerate([30, *values]) if not np.isnan(v)
    ]  # fmt: skip
    return trd.Study(pd.DataFrame(rows), events=events, scale="MADRS")


def estimand(**changes: object) -> trd.Estimand:
    attributes: dict[str, object] = {
        "population": "adults with TRD", "variable": "MADRS at day 28", "contrast": "ECT v TMS",
        "population_summary": "difference in means", "strategies": STRATEGIES, **changes,
    }  # fmt: skip
    return trd.Estimand(**attributes)  # type: ignore[arg-type]


def test_the_four() -> None:
    derived = estimand().derive(four())
    value = derived.audit.sort_values(["subject", "visit"])["value"].to_numpy().reshape(4, 4)
    want = [[20, np.nan, np.nan, np.nan], [25, np.nan, 30, 30], [24, 20, 20, 20],
            [28, 27, 26, np.nan]]  # fmt: skip
    np.testing.assert_array_equal(value, want)
    counts = derived.glance().iloc[0]
    assert counts[["used", "removed", "set", "missing"]].tolist() == [7, 3, 4, 2]
    table = derived.counts().set_index(["treatment", "visit"])
    assert table.loc[("ECT", 21.0)].to_dict() == {"used": 0, "removed": 1, "set": 1, "missing": 0}
    reasons = derived.audit.set_index(["subject", "visit"])["reason"]
    assert reasons[("A", 14.0)] == "rescue on day 10"
    assert reasons[("B", 14.0)] == "not assessed"
    assert derived.events.to_dict("records") == [{"subject": "A", "visit": 14.0, "event": "rescue"}]


def test_what_follows_sees_the_derived_scores() -> None:
    derived = estimand().derive(four())
    rates = trd.rates(derived.study, trd.Response(), day=28, reference="ECT").tidy()
    assert rates["events"].iloc[:2].tolist() == [0, 0]
    observed = trd.rates(four(), trd.Response(), day=28, reference="ECT").tidy()
    assert observed["events"].iloc[:2].tolist() == [1, 0]
    onset = trd.time_to(derived.study, trd.Response()).frame.set_index("subject")
    # A is followed to its last score that counts.
    assert onset.loc["A", ["time", "status"]].tolist() == [7, 0]
    worst = estimand(strategies={**STRATEGIES, "hospitalisation": trd.Composite()}).derive(four())
    assert worst.audit.query("subject == 'B' and visit == 28")["value"].item() == 60


def test_the_earlier_of_two_events_decides() -> None:
    twice = pd.concat([EVENTS, pd.DataFrame({"subject": ["A"], "day": [15], "event": ["switch"]})])
    derived = estimand().derive(four(twice))
    own = derived.audit.query("subject == 'A'")
    assert own["action"].tolist() == ["used", "removed", "removed", "removed"]


def test_words() -> None:
    text = estimand().describe()
    assert text.startswith("Population: adults with TRD. Treatments: ECT v TMS.")
    assert "rescue: hypothetical: scores after it are removed and imputed" in text
    assert text.endswith("Population-level summary: difference in means.")
    face = str(estimand().derive(four()))
    assert "Removed scores are missing: impute them" in face
    assert "After rescue" in str(estimand())


def test_no_silent_strategy() -> None:
    with pytest.raises(SpecError, match="No strategy for switch, withdrawal: every event of the"):
        estimand(strategies={"rescue": trd.Hypothetical(), "hospitalisation": trd.Composite()}
                 ).derive(four())  # fmt: skip
    with pytest.raises(NotEstimableError, match="The study has no events: give them as Study"):
        estimand().derive(four(None))
    with pytest.raises(SpecError, match="A principal stratum is not supported"):
        trd.PrincipalStratum()
    with pytest.raises(SpecError, match=r"strategy for 'rescue' must be TreatmentPolicy\(\)"):
        estimand(strategies={"rescue": "hypothetical"})
    with pytest.raises(SpecError, match="An estimand needs a text for its variable, summary"):
        estimand(variable="", population_summary=" ")
    with pytest.raises(SpecError, match="score"):
        trd.Composite(score="zero")  # type: ignore[arg-type]


def test_removed_scores_are_imputed_from_their_event_on() -> None:
    study = trd.load_sample("trial").only(["TMS", "IV ketamine"])
    kinds = study.events["event"].unique()
    derived = estimand(strategies=dict.fromkeys(kinds, trd.Hypothetical())).derive(study)
    assert derived.glance()["removed"].item() > 0
    removed = derived.audit.query("action == 'removed'").groupby("subject", observed=True)["visit"]
    first = derived.events.set_index("subject")["visit"]
    assert (removed.min() >= first[removed.min().index]).all()
