"""A state at one day and no event by another: by hand, by a loop over subjects, and refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trdstats as trd
from trdstats.errors import SpecError, UnknownNameError
from trdstats.outcomes import WithoutEvent, definition_from_mapping

WINDOWS = {7: 2, 14: 2, 28: 3, 56: 5}
RELAPSE = trd.Relapse(at_least=22)
RULE = trd.remission_at(14, at_most=10).without(RELAPSE, until=56)


def study(
    scores: dict[str, dict[int, int]], events: dict[str, tuple[int, str]] | None = None
) -> trd.Study:
    visits = pd.DataFrame(
        [(s, d, y) for s, own in scores.items() for d, y in {0: 30, **own}.items()],
        columns=["subject", "day", "score"],
    )
    subjects = pd.DataFrame(
        {"subject": list(scores), "treatment": ["ECT", "TMS"] * (len(scores) // 2)}
    )
    table = None if events is None else pd.DataFrame(
        [(s, d, e) for s, (d, e) in events.items()], columns=["subject", "day", "event"]
    )  # fmt: skip
    return trd.Study(visits, subjects, table, scale="MADRS", windows=WINDOWS, randomised=True)


SCORES = {
    "kept": {14: 8, 28: 12, 56: 15},
    "relapsed": {14: 8, 28: 25, 56: 9},
    "never": {14: 20, 28: 8, 56: 8},
    "lost": {14: 8, 28: 9},
    "no visit at 14": {7: 8, 28: 8, 56: 8},
    "relapse and lost": {14: 8, 28: 30},
    "not in it and lost": {14: 20},
    "relapse before": {7: 25, 14: 8, 56: 9},
}
MET = {"kept": True, "relapsed": False, "never": False, "lost": None, "no visit at 14": None,
       "relapse and lost": False, "not in it and lost": False, "relapse before": True}  # fmt: skip


def verdicts(made: trd.Study, rule: WithoutEvent, missing: str) -> dict[str, bool | None]:
    found = trd.rates(made, rule, missing=missing).outcomes
    return {str(s): None if pd.isna(m) else bool(m)
            for s, m in zip(found["subject"], found["met"], strict=True)}  # fmt: skip


def test_by_hand() -> None:
    made = study(SCORES)
    assert verdicts(made, RULE, "nonresponse") == {k: bool(v) for k, v in MET.items()}
    assert verdicts(made, RULE, "observed") == MET  # a failure that is known stays one
    worst = verdicts(made, RULE, "worst")  # missing is met under the reference, ECT, alone
    assert worst["no visit at 14"] is True
    assert worst["lost"] is False


def test_events_of_the_table_count_from_the_start() -> None:
    rule = trd.response_at(28).without(trd.Event(("rescue",)), until=28)
    made = study({"a": {28: 10}, "b": {28: 10}, "c": {28: 10}, "d": {28: 25}},
                 {"a": (9, "rescue"), "b": (40, "rescue")})  # fmt: skip
    assert verdicts(made, rule, "nonresponse") == {"a": False, "b": True, "c": True, "d": False}
    lasting = trd.response_at(28).without(trd.Event(("rescue",)), until=56, since=28)
    scores = {s: {28: 10, 56: 9} for s in "abc"} | {"d": {28: 25, 56: 9}}
    made = study(scores, {"a": (9, "rescue"), "b": (40, "rescue")})
    assert verdicts(made, lasting, "nonresponse") == {"a": True, "b": False, "c": True, "d": False}


def test_the_end_of_the_window_counts() -> None:
    rule = trd.response_at(14).without(trd.Event(("rescue",)), until=56)
    scores = {s: {14: 10, 56: 10} for s in "abcd"}
    made = study(scores, {"a": (61, "rescue"), "b": (62, "rescue")})  # day 56 closes on day 61
    assert verdicts(made, rule, "nonresponse") == {"a": False, "b": True, "c": True, "d": True}


def test_a_switch_is_a_failure_when_asked() -> None:
    made = study({s: {14: 8, 56: 8} for s in "abcd"}, {"a": (20, "switch"), "b": (70, "switch")})
    found = trd.rates(made, RULE, after_switch="failure").outcomes.set_index("subject")
    assert found["met"].astype(bool).to_dict() == {"a": False, "b": True, "c": True, "d": True}
    assert found["switched"].to_dict() == {"a": True, "b": False, "c": False, "d": False}


VISITS = st.dictionaries(st.sampled_from([7, 14, 28, 56]), st.integers(0, 40), max_size=4)


@settings(max_examples=40, deadline=None)
@given(
    pairs=st.lists(st.tuples(VISITS, VISITS), max_size=4),
    missing=st.sampled_from(["nonresponse", "observed"]),
)
@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_against_a_loop_over_subjects(
    pairs: list[tuple[dict[int, int], dict[int, int]]], missing: str
) -> None:
    complete = {14: 8, 56: 9}  # one under each treatment, so that both have a rate
    rows = [complete, complete, *(own for pair in pairs for own in pair)]
    named = {f"s{k}": own for k, own in enumerate(rows)}
    want: dict[str, bool | None] = {}
    for name, own in named.items():
        if 14 not in own:
            verdict: bool | None = None
        elif own[14] > 10 or any(y >= 22 for d, y in own.items() if d > 14):
            verdict = False
        else:
            verdict = True if 56 in own else None
        want[name] = bool(verdict) if missing == "nonresponse" else verdict
    assert verdicts(study(named), RULE, missing) == want


def test_it_says_what_it_is_and_has_a_day_of_its_own() -> None:
    made = study(SCORES)
    text = repr(trd.rates(made, RULE))
    assert text.startswith(
        "Remission (MADRS ≤ 10) at day 14 without relapse (MADRS ≥ 22) until day 56\n"
    )
    with pytest.raises(SpecError, match="speaks of day 56 alone: leave day=28 out"):
        trd.rates(made, RULE, day=28)
    with pytest.raises(SpecError, match=r"needs a day, for example day=28"):
        trd.rates(made, trd.Response())
    with pytest.raises(SpecError, match="one may be carried forward and the other not"):
        trd.rates(made, RULE, missing="locf")
    with pytest.raises(SpecError, match="is an outcome of a subject, not a state at a visit"):
        trd.time_to(made, RULE)


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(SpecError, match=r"judged at day 56.*got until=28"):
        trd.remission_at(56).without(RELAPSE, until=28)
    with pytest.raises(SpecError, match="Between day 56 and day 56 nothing can happen"):
        trd.remission_at(56).without(RELAPSE, until=56)
    with pytest.raises(SpecError, match="since must be 0 or 56"):
        trd.remission_at(56).without(RELAPSE, until=224, since=7)
    with pytest.raises(SpecError, match="needs an event such as Relapse"):
        trd.remission_at(56).without("relapse", until=224)  # type: ignore[arg-type]


def test_a_state_at_several_days_must_be_met_at_all_of_them() -> None:
    rule = trd.AtDays(trd.Remission(at_most=10), (7, 14)).without(RELAPSE, until=56)
    assert rule.at == 14
    scores = {
        "both": {7: 9, 14: 8, 28: 12, 56: 15},
        "first alone": {7: 9, 14: 12, 28: 8, 56: 8},
        "last alone": {7: 12, 14: 8, 28: 8, 56: 8},
        "first not known": {14: 8, 28: 8, 56: 8},
        "last not known": {7: 8, 28: 8, 56: 8},
        "both, then relapse": {7: 9, 14: 8, 28: 22, 56: 8},
        "refuted, last not known": {7: 12, 56: 8},
        "a relapse between the days": {7: 22, 14: 8, 56: 8},
    }
    met = {"both": True, "first alone": False, "last alone": False, "first not known": None,
           "last not known": None, "both, then relapse": False, "refuted, last not known": False,
           "a relapse between the days": False}  # fmt: skip
    assert verdicts(study(scores), rule, "observed") == met


def test_it_is_written_in_a_plan() -> None:
    written = definition_from_mapping(
        {
            "is": "WithoutEvent",
            "state": {
                "is": "AtDays",
                "definition": {"is": "Remission", "at_most": 10},
                "days": [14],
            },
            "event": {"is": "Relapse", "at_least": 22},
            "until": 56,
        }
    )
    assert written == RULE


def test_adjusted_rates_rest_on_the_same_verdicts() -> None:
    made = trd.load_sample("trial")
    rule = trd.remission_at(56).without(trd.Relapse(at_least=22, consecutive=2), until=168)
    crude = trd.rates(made, rule).tidy()
    share = crude[crude["measure"] == "rate"].set_index("treatment")["estimate"]
    # Without covariates standardisation is the crude rate.
    found = trd.Standardisation("treatment", outcome=rule).fit(made).tidy()
    means = found[found["measure"].isin(["mean", "rate"])].set_index("treatment")["estimate"]
    np.testing.assert_allclose(means[share.index], share, rtol=1e-9)


def test_events_of_the_very_day_count() -> None:
    """The rule says "from day 0": a rescue on the day of the start is one."""
    rule = trd.response_at(28).without(trd.Event(("rescue",)), until=28)
    assert "no rescue from day 0 to day 28" in rule.describe()
    with pytest.warns(trd.errors.DataWarning, match="before the first treatment"):
        made = study({s: {28: 10} for s in "abcd"}, {"a": (0, "rescue"), "b": (-1, "rescue")})
    assert verdicts(made, rule, "nonresponse") == {"a": False, "b": True, "c": True, "d": True}


def test_a_study_without_events_says_so() -> None:
    rule = trd.response_at(28).without(trd.Event(("rescue",)), until=28)
    with pytest.warns(trd.errors.DataWarning, match="asks for recorded events .rescue., and the"):
        found = trd.rates(study({s: {28: 10} for s in "abcd"}), rule)
    assert [p.kind for p in found.notices] == ["no_events"]
    with pytest.warns(trd.errors.DataWarning, match="everyone counts as free of them"):
        trd.time_to(study(SCORES), trd.Event(("death",)))
    # Where scores tell as well, the report of a plan says it.
    trd.time_to(study(SCORES), trd.Relapse(at_least=22, events=("hospitalisation",)))


def test_a_treatment_without_visits_at_one_of_the_days_has_no_rate() -> None:
    """Early failures alone could be known there: 0 % was said of it."""
    scores = {s: {14: 8 if s in "ab" else 20, **({56: 9} if s in "ac" else {})} for s in "abcd"}
    with pytest.warns(trd.errors.EstimateWarning, match="under TMS"):
        table = trd.rates(study(scores), RULE).tidy()
    shares = table[table["measure"] == "rate"].set_index("treatment")["estimate"]
    assert shares["ECT"] == 0.5
    assert np.isnan(shares["TMS"])
    assert table.loc[table["measure"] == "difference", "estimate"].isna().all()


@pytest.mark.parametrize(("at", "until"), [(13, 56), (14, 90)])
def test_a_day_that_nobody_has_is_refused(at: float, until: float) -> None:
    rule = trd.remission_at(at).without(RELAPSE, until=until)
    with pytest.raises(UnknownNameError, match="No visit is scheduled at day"):
        trd.rates(study(SCORES), rule)


def test_it_is_no_part_of_other_definitions() -> None:
    for make in (lambda: RULE & trd.Response(), lambda: ~RULE, lambda: trd.AtDays(RULE, (28,)),
                 lambda: trd.remission_at(28).without(RULE, until=56)):  # fmt: skip
        with pytest.raises(SpecError, match="is an outcome with a fixed day"):
            make()


def test_key_secondary_of_escape_trd() -> None:
    """Published: 73 of 336 v 48 of 340 in remission at week 8 and free of relapse to week 32.

    The difference, its limits and the odds ratio are those that a stand-alone script makes of the
    printed counts (reference/published_counts).
    """
    path = Path(__file__).parents[1] / "reference" / "published_counts" / "values.toml"
    want = tomllib.loads(path.read_text("utf-8"))["escape_sust"]
    scores: dict[str, dict[int, int]] = {}
    for arm, n, kept, relapsed, lost in (("Q", 340, 48, 8, 4), ("E", 336, 73, 12, 6)):
        courses = [{14: 8, 28: 9, 56: 10}] * kept + [{14: 8, 28: 25, 56: 9}] * relapsed
        courses += [{14: 9}] * lost
        courses += [{14: 25, 28: 20, 56: 20}] * (n - len(courses))
        scores |= {f"{arm}{i}": own for i, own in enumerate(courses)}
    visits = pd.DataFrame(
        [(s, d, y) for s, own in scores.items() for d, y in {0: 30, **own}.items()],
        columns=["subject", "day", "score"],
    )
    arms = {"Q": "quetiapine", "E": "esketamine"}
    subjects = pd.DataFrame({"subject": list(scores), "treatment": [arms[s[0]] for s in scores]})
    made = trd.Study(visits, subjects, scale="MADRS", windows=WINDOWS, randomised=True)
    found = trd.rates(made, RULE, reference="quetiapine")
    counts = found.counts.set_index("treatment")
    assert counts[["events", "n"]].loc["esketamine"].tolist() == [73, 336]
    assert counts[["events", "n"]].loc["quetiapine"].tolist() == [48, 340]
    rows = found.tidy().set_index(["measure", "treatment"])
    gap = 100 * rows.loc[("difference", "esketamine"), ["estimate", "conf_low", "conf_high"]]
    assert gap["estimate"] == pytest.approx(want["difference"], abs=0.00501)
    low, high = want["miettinen_nurminen"]
    assert (gap["conf_low"], gap["conf_high"]) == pytest.approx((low, high), abs=0.00501)
    odds = rows.loc[("odds ratio", "esketamine"), "estimate"]
    assert odds == pytest.approx(want["odds_ratio"][0], abs=0.00051)
