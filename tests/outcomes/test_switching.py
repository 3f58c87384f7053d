"""Switches of treatment: what is said of them, what is refused, and what must not matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trdstats as trd
from trdstats.errors import SpecError

DAYS = (7, 14, 21, 28)


def many(n: int = 20, switched: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return visits of n subjects under each of two arms, and courses; some TMS go to ECT."""
    rows, table = [], []
    for i in range(2 * n):
        arm = "TMS" if i < n else "ECT"
        name = f"S{i:02}"
        rows += [(name, arm, 0, 30)]
        rows += [(name, arm, d, 14 if (d // 7 + i) % 4 == 0 else 22) for d in DAYS]
        table.append((name, arm, 0))
        if i < switched:
            table.append((name, "ECT", 10))
    visits = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    return visits, pd.DataFrame(table, columns=["subject", "treatment", "start"])


def study(switched: int = 3, **options: Any) -> trd.Study:
    visits, table = many(switched=switched)
    return trd.Study(visits, courses=table, scale="MADRS", **options)


SAID = (
    "Another treatment was started by day 28 by 3 of 20 under TMS: they are counted under the "
    "treatment they were assigned to (treatment policy)."
)


def test_a_rate_says_how_many_switched() -> None:
    found = trd.rates(study(), trd.Response(), day=28)
    assert found.notices[0].level == "warning"
    assert found.notices[0].summary == SAID
    assert f"{SAID} Name after_switch='ignore'" in repr(found).replace("\n", " ")
    assert found.switching is not None
    assert found.switching.tidy().to_numpy(dtype=object).tolist() == [
        ["ECT", 20, 0, "ignore"], ["TMS", 20, 3, "ignore"],
    ]  # fmt: skip
    # One of twenty is 5 % and no more than a note; so is a strategy that was named.
    assert trd.rates(study(1), trd.Response(), day=28).notices[0].level == "note"
    named = trd.rates(study(), trd.Response(), day=28, after_switch="ignore").notices[0]
    assert (named.level, named.summary, named.remedy) == ("note", SAID, "")
    failed = trd.rates(study(), trd.Response(), day=28, after_switch="failure")
    assert "they count as failures (composite)." in failed.notices[0].summary
    assert trd.rates(study(), trd.Response(), day=7).notices == ()


def test_a_study_that_would_not_know_says_nothing() -> None:
    plain = trd.rates(trd.Study(many()[0], scale="MADRS"), trd.Response(), day=28)
    assert plain.switching is None
    assert "n_switched" not in plain.tidy()


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (None, "treatment policy"), ("ignore", "treatment policy"), ("censor", "hypothetical"),
        ("failure", "composite"), ("competing", "while on the assigned treatment"),
    ],
)  # fmt: skip
def test_times_and_what_is_made_of_them_say_it(strategy: Any, words: str) -> None:
    times = trd.time_to(study(), trd.Response(), after_switch=strategy)
    said = "Another treatment was started before the outcome by"
    shown = [times, trd.KaplanMeier().fit(times), trd.LogRank().fit(times), trd.RMST(28).fit(times),
             trd.Turnbull().fit(times), trd.CoxPH("treatment").fit(times)]  # fmt: skip
    for face in shown:
        text = " ".join(repr(face).split())
        assert said in text
        assert words in text
    notes = trd.KaplanMeier().fit(times).estimates([28]).notes
    assert any(said in n for n in notes)


def test_what_has_a_part_of_its_own_is_no_switch() -> None:
    with pytest.raises(SpecError, match="'switch' has another part as well"):
        trd.time_to(study(), trd.Response(), until="switch", after_switch="censor")
    times = trd.time_to(study(), trd.Response(), competing="switch")
    assert times.switching is not None
    assert times.switching.notices() == ()
    assert times.causes[2] == "switch"


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ("censor", r"A rate at a day cannot censor those who switched.*time_to\(study, definition, "
         r"after_switch='censor'\) with KaplanMeier.*Hypothetical\(\).*Imputation"),
        ("competing", r"In a rate at a day nothing competes.*AalenJohansen"),
        ("censored", "Did you mean 'censor'"),
    ],
)  # fmt: skip
def test_what_a_rate_cannot_do(strategy: Any, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        trd.rates(study(), trd.Response(), day=28, after_switch=strategy)


def test_what_a_history_and_a_comparison_cannot_do() -> None:
    with pytest.raises(SpecError, match="A history of response has no competing events"):
        trd.response_history(
            study(), trd.Response(), trd.LossOfResponse(), after_switch="competing"
        )
    with pytest.raises(SpecError, match="compare has no competing events"):
        trd.compare(study(), adjust="baseline", after_switch="competing")
    with pytest.raises(SpecError, match=r"leave it out, outcomes=\['onset'\]"):
        trd.compare(study(), adjust="baseline", outcomes=("onset", "rate"), after_switch="censor")
    failed = trd.response_history(
        study(), trd.Response(), trd.LossOfResponse(), after_switch="failure"
    )
    with pytest.raises(SpecError, match="IntervalResponseState follows what visits show"):
        trd.IntervalResponseState(tau=28).fit(failed)


def test_good_and_bad_outcomes_joined_cannot_fail() -> None:
    mixed = trd.Response() | trd.LossOfResponse()
    with pytest.raises(SpecError, match="is a good or a bad outcome, and its parts differ"):
        trd.rates(study(), mixed, day=28, after_switch="failure")


@pytest.mark.parametrize(
    ("definition", "bad"),
    [
        (trd.Response(), False), (trd.Remission(), False), (~trd.Response(), True),
        (trd.LossOfResponse(), True), (~trd.LossOfResponse(), False), (trd.Relapse(22), True),
        (trd.Event(("death",)), True), (trd.Deterioration(), True),
        (trd.Sustained(trd.Response(), visits=2), False), (trd.EarlyImprovement(0.2, 14), False),
        (trd.Response() & trd.Remission(), False), (trd.Relapse(22) | trd.Event(("death",)), True),
        (trd.Response() | trd.LossOfResponse(), None),
    ],
)  # fmt: skip
def test_which_outcomes_are_bad(definition: trd.Definition, bad: bool | None) -> None:
    assert definition.is_worsening is bad


def test_an_estimand_has_decided() -> None:
    estimand = trd.Estimand(
        population="all", variable="response at day 28", contrast="TMS v ECT",
        population_summary="difference of rates", strategies={"switch": trd.Composite()},
    )  # fmt: skip
    derived = estimand.derive(study()).study
    found = trd.rates(derived, trd.Response(), day=28)
    composite = trd.rates(study(), trd.Response(), day=28, after_switch="failure")
    # No switch falls on a day of rating: the two strategies are then the same.
    assert found.counts["events"].tolist() == composite.counts["events"].tolist()
    assert found.notices == ()
    with pytest.raises(SpecError, match="or the estimand that made the study"):
        trd.rates(derived, trd.Response(), day=28, after_switch="failure")


def test_a_comparison_says_it_and_passes_it_on() -> None:
    visits, table = many(n=40, switched=12)
    who = pd.DataFrame({"subject": pd.unique(visits["subject"])})
    who["x"] = np.resize([1.0, 2.0, 3.0, 4.0, 5.0], len(who))
    who["treatment"] = np.where(np.arange(len(who)) < 40, "TMS", "ECT")
    own = trd.Study(visits.drop(columns="treatment"), who, courses=table, scale="MADRS")
    options: dict[str, Any] = {"adjust": "x", "outcomes": ("rate",), "day": 28, "tau": 28}
    plain = trd.compare(own, **options)
    row = plain.findings().query("check == 'switch'").iloc[0]
    assert row["finding"] == SAID.replace("3 of 20", "12 of 40")
    assert "12 of 40 under TMS" in repr(plain)
    strict = trd.compare(own, after_switch="failure", **options)
    assert "(composite)" in strict.findings().query("check == 'switch'")["finding"].iloc[0]
    for found, strategy in ((plain, "ignore"), (strict, "failure")):
        crude = found.tidy().query("analysis == 'crude'")["estimate"].iloc[0]
        rates = trd.rates(
            own, trd.Response(), day=28, after_switch=strategy,  # type: ignore[arg-type]
            reference=found.tidy()["reference"].iloc[0],
        )  # fmt: skip
        gap = rates.tidy().query("measure == 'difference'")["estimate"].iloc[0]
        assert crude == pytest.approx(gap, abs=1e-12)


SWITCHES = st.lists(
    st.tuples(
        st.integers(0, 11),
        st.sampled_from(["TMS", "ECT", "lithium"]),
        st.integers(-30, 40),
        st.sampled_from([None, "acute", "maintenance", "augmentation", "concomitant"]),
    ),
    max_size=14,
    unique_by=lambda r: (r[0], r[1], r[2]),
)


def numbers(study: trd.Study, strategy: Any) -> list[Any]:
    """Return what rates, times and histories are made of."""
    of_rates = "ignore" if strategy in ("censor", "competing") else strategy
    found = trd.rates(study, trd.Response(), day=28, after_switch=of_rates)
    counts = found.counts.drop(columns="n_switched", errors="ignore")
    times = trd.time_to(study, trd.Response(), after_switch=strategy).frame
    state = "ignore" if strategy == "competing" else strategy
    rules = (trd.Response(), trd.LossOfResponse())
    history = trd.response_history(study, *rules, after_switch=state).frame
    return [
        counts.astype(object).to_numpy().tolist(),
        times[["left", "right", "time", "status"]].to_numpy().tolist(),
        history[["start", "stop", "left", "right"]].to_numpy().tolist(),
    ]


def frame_of(rows: list[Any]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["subject", "treatment", "start", "kind"])
    return table.assign(subject=[f"S{i:02}" for i in table["subject"]]).astype({"kind": object})


@settings(max_examples=25, deadline=None)
@given(rows=SWITCHES, data=st.data())
def test_order_and_kind_of_the_rows_do_not_matter(rows: list[Any], data: st.DataObject) -> None:
    visits, _ = many(n=6)
    table = frame_of(rows)
    plain = trd.Study(visits, scale="MADRS")
    given_ = trd.Study(visits, courses=table, scale="MADRS")
    assert numbers(given_, "ignore") == numbers(plain, None) == numbers(given_, None)
    order = data.draw(st.permutations(range(len(rows))))
    mixed = table.iloc[list(order)].astype({"subject": "category", "treatment": "category"})
    other = trd.Study(visits, courses=mixed, scale="MADRS")
    strategy = data.draw(st.sampled_from(["censor", "failure", "competing"]))
    assert numbers(other, strategy) == numbers(given_, strategy)


@settings(max_examples=25, deadline=None)
@given(rows=SWITCHES)
def test_against_a_walk_through_the_visits(rows: list[Any]) -> None:
    """Censored, competing and failed onsets by a loop over subjects that knows nothing else."""
    visits, _ = many(n=6)
    own = trd.Study(visits, courses=frame_of(rows), scale="MADRS")
    for strategy in ("censor", "competing", "failure"):
        times = trd.time_to(own, trd.Response(), after_switch=strategy).frame  # type: ignore[arg-type]
        for _, row in times.iterrows():
            arm, name = row["treatment"], row["subject"]
            starts = [
                s for i, t, s, k in rows
                if f"S{i:02}" == name and t != arm and s >= 0
                and k not in ("augmentation", "concomitant")
            ]  # fmt: skip
            switch = min(starts, default=np.inf)
            seen = visits[(visits["subject"] == name) & (visits["day"] > 0)]
            before = seen["day"] < switch if strategy == "failure" else seen["day"] <= switch
            left, expected = 0.0, None
            for day, score in seen.loc[before, ["day", "score"]].to_numpy():
                if score <= 15:
                    expected = (left, day, day, 1)
                    break
                left = float(day)
            if expected is None:
                expected = (left, np.inf, left, 0)
                if np.isfinite(switch) and strategy == "competing":
                    expected = (min(left, switch), np.inf, switch, 2)
                if np.isfinite(switch) and strategy == "failure":
                    expected = (max(28.0, switch), np.inf, max(28.0, switch), 0)
            assert tuple(row[["left", "right", "time", "status"]]) == expected


def test_a_surplus_rating_in_the_window_does_not_hide_the_scheduled_one() -> None:
    # Kept at the next visit, which follows the switch of day 31; the rating of day 30 is surplus.
    rows = [("A", d, s) for d, s in ((0, 30), (28, 12), (30, 13), (42, 12))]
    rows += [("B", d, s) for d, s in ((0, 30), (28, 12), (42, 25))]
    visits = pd.DataFrame(rows, columns=["subject", "day", "score"]).assign(treatment="TMS")
    visits["treatment"] = visits["treatment"].where(visits["subject"] == "A", "ECT")
    table = pd.DataFrame({"subject": ["A", "A"], "treatment": ["TMS", "ECT"], "start": [0, 31]})
    own = trd.Study(visits, courses=table, scale="MADRS", windows={28: 3, 42: 3})
    kept = trd.Sustained(trd.Response(), visits=3)
    plain = trd.rates(own, kept, day=28, missing="observed").outcomes
    strict = trd.rates(own, kept, day=28, missing="observed", after_switch="failure").outcomes
    assert bool(plain["met"][0])
    assert strict["met"].notna()[0]
    assert not bool(strict["met"][0])
