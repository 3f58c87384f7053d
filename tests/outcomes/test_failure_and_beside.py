"""Events as failure, two scales at once, items as conditions: by hand and refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataWarning, SpecError, UnknownNameError
from trdstats.outcomes import Definition, definition_from_mapping

WINDOWS = {7: 2, 14: 2, 28: 3}
EVENT = "withdrawal"
RULE = trd.FailureIf(trd.Response(), (EVENT,))

SCORES: dict[str, dict[int, int]] = {
    "responds": {14: 20, 28: 10},
    "responds, then stops": {14: 20, 28: 10},
    "stopped, responds all the same": {14: 20, 28: 10},
    "stops and leaves": {14: 12},
    "leaves": {14: 12},
    "stops within the window": {14: 12},
    "stops after the window": {14: 12},
    "does not respond": {14: 20, 28: 25},
}
EVENTS = {
    "responds, then stops": 30, "stopped, responds all the same": 20, "stops and leaves": 16,
    "stops within the window": 31, "stops after the window": 32,
}  # fmt: skip
MET = {
    "responds": True, "responds, then stops": True, "stopped, responds all the same": False,
    "stops and leaves": False, "leaves": None, "stops within the window": False,
    "stops after the window": None, "does not respond": False,
}  # fmt: skip


def study(events: dict[str, float] | None = None, **columns: Any) -> trd.Study:
    rows = [(s, d, y) for s, own in SCORES.items() for d, y in {0: 30, **own}.items()]
    visits = pd.DataFrame(rows, columns=["subject", "day", "score"]).assign(**columns)
    subjects = pd.DataFrame({"subject": list(SCORES), "treatment": ["ECT", "TMS"] * 4})
    given = EVENTS if events is None else events
    table = pd.DataFrame({"subject": list(given), "day": list(given.values()), "event": EVENT})
    return trd.Study(visits, subjects, table if given else None, scale="MADRS", windows=WINDOWS,
                     randomised=True)  # fmt: skip


def verdicts(made: trd.Study, rule: Definition, missing: str) -> dict[str, bool | None]:
    found = trd.rates(made, rule, day=28, missing=missing).outcomes  # type: ignore[arg-type]
    return {str(s): None if pd.isna(m) else bool(m)
            for s, m in zip(found["subject"], found["met"], strict=True)}  # fmt: skip


def test_by_hand() -> None:
    made = study()
    assert verdicts(made, RULE, "observed") == MET  # a failure is known, not missing
    assert verdicts(made, RULE, "nonresponse") == {k: bool(v) for k, v in MET.items()}
    assert verdicts(made, RULE, "locf") == {
        **MET, "leaves": True, "stops after the window": True,
    }  # fmt: skip
    worst = verdicts(made, RULE, "worst")  # missing is met under the reference, ECT, alone
    assert worst["leaves"] is True
    assert worst["stops and leaves"] is False


def test_the_result_says_how_many_failed_so() -> None:
    text = repr(trd.rates(study(), RULE, day=28))
    assert "failure if withdrawal" in text
    assert "A withdrawal by day 28 counts as not met: 1 under ECT, 3 under TMS." in text


def test_a_bad_outcome_is_met() -> None:
    rule = trd.FailureIf(trd.Deterioration(), (EVENT,))
    found = verdicts(study(), rule, "observed")
    assert found["stops and leaves"] is True
    assert found["stopped, responds all the same"] is True
    assert found["responds"] is False


def test_everything_that_takes_outcomes_takes_it() -> None:
    made = study()
    rates = trd.rates(made, RULE, day=28)
    gap = rates.tidy().query("measure == 'difference'")["estimate"].item()
    spec = trd.Standardisation("treatment", outcome=RULE, day=28)
    assert spec.fit(made).tidy().query("measure == 'difference'")["estimate"].item() == (
        pytest.approx(gap)
    )
    own = trd.Logistic("treatment", outcome=RULE, day=28, penalty="firth").fit(made)
    assert own.glance()["events"][0] == rates.counts["events"].sum()


def test_time_to_response_never_comes_after_the_event() -> None:
    found = trd.time_to(study(), RULE).frame.set_index("subject")
    assert found.loc["responds", "status"] == 1
    stopped = found.loc["stopped, responds all the same"]
    assert (stopped["status"], stopped["time"], stopped["right"]) == (0, 28, np.inf)
    # They stay at risk to the first day of the last window; who only leaves is censored before.
    remission = trd.FailureIf(trd.Remission(), (EVENT,))
    times = trd.time_to(study(), remission).frame.set_index("subject")["time"]
    assert times["stops and leaves"] == 25
    assert times["leaves"] == 14
    assert found.loc["leaves", "right"] == 14  # responded at day 14
    plain = trd.time_to(study(), trd.Response()).frame.set_index("subject")
    assert plain.loc["stopped, responds all the same", "status"] == 1


def test_assess_and_time_share() -> None:
    rows = trd.assess(study(), RULE).set_index(["subject", "day"])["met"]
    assert not rows["stopped, responds all the same", 28]
    spec = trd.TimeShare(RULE, start=7, end=28, missing="observed")
    found = spec.fit(study()).frame.set_index("subject")["proportion"]
    assert found["stops and leaves"] == pytest.approx(1 / 2)  # day 14 yes, day 28 failed
    assert found["leaves"] == pytest.approx(1)
    with pytest.raises(SpecError, match="by_rule='visits'"):
        trd.TimeShare(RULE, start=7, end=28, by_rule="days")


def test_a_study_without_events_warns() -> None:
    rule = trd.FailureIf(trd.Response(), ("rescue",))
    with pytest.warns(DataWarning, match="asks for recorded events"):
        trd.rates(study({}), rule, day=28)


def test_where_it_cannot_stand() -> None:
    with pytest.raises(SpecError, match="counts events as failure, and that comes last"):
        _ = RULE & trd.Remission()
    with pytest.raises(SpecError, match="that comes last"):
        _ = ~RULE
    with pytest.raises(SpecError, match="that comes last"):
        trd.Sustained(RULE, visits=2)
    with pytest.raises(SpecError, match="needs a kind of event"):
        trd.FailureIf(trd.Response(), ())
    with pytest.raises(SpecError, match="good or a bad"):
        trd.FailureIf(trd.Response() | ~trd.Remission(), (EVENT,))
    with pytest.raises(UnknownNameError, match="discontinued"):
        trd.rates(study(), trd.FailureIf(trd.Response(), ("discontinued",)), day=28)
    with pytest.raises(SpecError, match="that comes last"):
        trd.response_history(study(), RULE, trd.LossOfResponse())
    with pytest.raises(SpecError, match="count as failure and end follow-up"):
        trd.time_to(study(), RULE, until=EVENT)


def two_scales() -> trd.Study:
    rows = [
        ("a", 0, 30, 5), ("a", 28, 10, 2), ("b", 0, 30, 5), ("b", 28, 10, 4), ("c", 0, 30, 5),
        ("c", 28, 20, 1), ("d", 0, 30, 5), ("d", 28, 10, np.nan), ("e", 0, 30, 6), ("e", 28, 25,
        np.nan), ("f", 0, 30, 6), ("f", 28, np.nan, 1),
    ]  # fmt: skip
    visits = pd.DataFrame(rows, columns=["subject", "day", "madrs", "cgi"])
    subjects = pd.DataFrame({"subject": list("abcdef"), "treatment": ["ECT", "TMS"] * 3})
    return trd.Study(visits, subjects, scale=["MADRS", "CGIS"], randomised=True,
                     score={"MADRS": "madrs", "CGIS": "cgi"}, windows={28: 3})  # fmt: skip


def test_two_scales_at_once() -> None:
    rule = trd.Response() & trd.OnScale(trd.Remission(at_most=2), "CGI-S")
    found = verdicts(two_scales(), rule, "observed")
    # e: no rating of the CGI, but the MADRS refutes it; f: not assessed on the scale in use.
    assert found == {"a": True, "b": False, "c": False, "d": None, "e": False, "f": None}
    other = trd.Remission(at_most=2) & trd.OnScale(trd.Response(), "MADRS")
    assert verdicts(two_scales().on("CGIS"), other, "observed") == {
        "a": True, "b": False, "c": False, "d": None, "e": None, "f": None,
    }  # fmt: skip


def test_the_other_scale_is_named_once() -> None:
    rule = trd.OnScale(trd.Remission(at_most=2), "CGI-S")
    assert rule.label() == "remission (CGIS ≤ 2)"
    assert trd.OnScale(trd.Response(), "MADRS").label() == "response (≥ 50 % fall) on MADRS"


def test_a_scale_that_is_not_there() -> None:
    with pytest.raises(UnknownNameError, match="scale of this study"):
        trd.rates(study(), trd.OnScale(trd.Response(), "QIDSSR16"), day=28)
    with pytest.raises(UnknownNameError):
        trd.OnScale(trd.Response(), "no such scale")


def test_items_by_hand() -> None:
    items = {"sds1": [5, 2, 5, 3, 5, 2], "sds2": [5, 2, 5, 1, 5, np.nan],
             "sds3": [5, 1, 5, 1, 5, 1]}  # fmt: skip
    rows = pd.DataFrame({"subject": list("aabbcc"), "day": [0, 28] * 3,
                         "score": [15, 5, 15, 5, 15, 3], **items})  # fmt: skip
    subjects = pd.DataFrame({"subject": list("abc"), "treatment": ["ECT", "TMS", "TMS"]})
    made = trd.Study(rows, subjects, scale="SDS", windows={28: 3}, randomised=True)
    rule = trd.functional_remission(("sds1", "sds2", "sds3"))
    assert verdicts(made, rule, "observed") == {"a": True, "b": False, "c": None}
    assert rule.label() == "remission (≤ 6) and sds1, sds2, sds3 ≤ 2"


def test_items_that_are_not_there() -> None:
    with pytest.raises(UnknownNameError, match="column of the visits"):
        trd.rates(study(), trd.Items(("madrs10",), at_most=1), day=28)
    made = study(madrs10="mild")
    with pytest.raises(SpecError, match="holds no numbers"):
        trd.rates(made, trd.Items(("madrs10",), at_most=1), day=28)
    with pytest.raises(SpecError, match="one limit"):
        trd.Items(("a",))
    with pytest.raises(SpecError, match="one limit"):
        trd.Items((), at_most=1)
    with pytest.raises(SpecError, match="must be"):
        trd.Items("madrs10", at_most=1)


def test_written_as_data() -> None:
    rule = definition_from_mapping(
        {"is": "FailureIf", "definition": {"is": "Response"}, "kinds": [EVENT]}
    )
    assert rule == RULE
    both = definition_from_mapping(
        {"is": "all", "parts": [
            {"is": "Response"},
            {"is": "OnScale", "definition": {"is": "Remission", "at_most": 2}, "scale": "CGI-S"},
            {"is": "Items", "columns": ["madrs10"], "at_most": 1},
        ]}
    )  # fmt: skip
    assert "madrs10 ≤ 1" in both.label()


def test_functional_remission_is_of_the_sds() -> None:
    made = study(sds1=1, sds2=1, sds3=1)
    rule = trd.functional_remission(("sds1", "sds2", "sds3"))
    with pytest.raises(SpecError, match="rule of the SDS, and the scale in use is MADRS"):
        trd.rates(made, rule, day=28)
