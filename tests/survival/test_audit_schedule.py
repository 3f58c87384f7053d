"""What visit schedules do to onset: six patients, two schedules.

baseline 30, response at 15 or below

W, rated on days 7, 14, 21, 28        M, rated on days 14, 28
W1  20 12 10  9   onset in (7, 14]    M1  12  9   onset in (0, 14]
W2  14 12 10  9   onset in (0, 7]     M2  20 12   onset in (14, 28]
W3  25 25 24 20   none by 28          M3  25 22   none by 28

At the visits the mean days without response to day 28 are (14 + 7 + 28) / 3 = 49/3 for W and
(14 + 28 + 28) / 3 = 70/3 for M. Between them W's are from (7 + 0 + 28) / 3 = 35/3 to 49/3, M's
from (0 + 14 + 28) / 3 = 14 to 70/3: M less W lies between 14 - 49/3 and 70/3 - 35/3. They share
the visits of M; with those alone W2 responds at 14 like W1: the mean is (14 + 14 + 28) / 3 = 56/3.
The difference W less M there is 56/3 - 70/3 = -14/3.
"""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from trdstats import LogRank, Remission, Response, Study, audit_schedule, plots
from trdstats.errors import NotEstimableError, SpecError, UnknownNameError
from trdstats.survival.schedule.audit_wording import of_pair, of_pairs

SCORES = {
    "W1": [20, 12, 10, 9], "W2": [14, 12, 10, 9], "W3": [25, 25, 24, 20],
    "M1": [12, 9], "M2": [20, 12], "M3": [25, 22],
}  # fmt: skip


def six(scores: dict[str, list[int]] = SCORES) -> Study:
    rows = []
    for name, values in scores.items():
        step = 7 if name[0] == "W" else 14
        for k, value in enumerate([30, *values]):
            rows.append({"subject": name, "treatment": name[0], "day": step * k, "score": value})
    return Study(pd.DataFrame(rows), scale="MADRS")


def test_the_six() -> None:
    audit = audit_schedule(six(), tau=28)
    means = audit.tidy().query("measure == 'mean days'").set_index(["treatment", "method"])
    assert means.loc[("W", "at the visit"), "estimate"] == pytest.approx(49 / 3)
    assert means.loc[("M", "at the visit"), "estimate"] == pytest.approx(70 / 3)
    bounds = means.loc[("W", "between visits"), ["bound_low", "bound_high"]].tolist()
    assert bounds == pytest.approx([35 / 3, 49 / 3])
    bounds = means.loc[("M", "between visits"), ["bound_low", "bound_high"]].tolist()
    assert bounds == pytest.approx([14, 70 / 3])
    assert audit.grid == (14.0, 28.0)
    assert means.loc[("W", "at the visit, one grid"), "estimate"] == pytest.approx(56 / 3)
    gap = audit.contrasts().set_index("method").loc["between visits"]
    assert (gap["treatment"], gap["reference"]) == ("W", "M")
    low, high = 35 / 3 - 70 / 3, 49 / 3 - 14
    assert gap[["bound_low", "bound_high"]].tolist() == pytest.approx([low, high])
    grids = audit.grids().set_index("treatment")
    assert grids["n_events"].to_dict() == {"M": 2, "W": 2}
    assert grids["gap_median"].to_dict() == {"M": 14.0, "W": 7.0}
    assert grids["first_visit"].to_dict() == {"M": 14.0, "W": 7.0}
    # Twelve visits in three times 28 days.
    assert grids.loc["W", "visits_a_month"] == pytest.approx(12 / 84 * 30.4375)


def test_the_horizon_is_what_all_share() -> None:
    assert audit_schedule(six()).tau == 28
    with pytest.raises(NotEstimableError, match="No subject was assessed by day 10 under M"):
        audit_schedule(six(), tau=10)
    with pytest.raises(NotEstimableError, match="lies beyond the follow-up of"):
        audit_schedule(six(), tau=60)
    with pytest.raises(SpecError, match="tau must be a positive number of days; got -3"):
        audit_schedule(six(), tau=-3)


def test_what_a_pair_shares() -> None:
    audit = audit_schedule(six(), tau=28)
    assert audit.shared()[["visit", "reference_visit", "day"]].to_numpy().tolist() == [
        [14, 14, 14],
        [28, 28, 28],
    ]
    rows = audit.contrasts().set_index("method")
    assert rows.loc["at the visit, one grid", "estimate"] == pytest.approx(-14 / 3)
    seen = rows.loc["at the visit"]
    middle = (seen["conf_low"] + seen["conf_high"]) / 2
    assert seen["estimate"] == pytest.approx(middle) == pytest.approx(-7)
    assert seen["log_rank_statistic"] == LogRank().fit(audit.times).glance()["statistic"].item()
    assert np.isnan(rows.loc["between visits", "conf_low"])
    # Half as wide a level, a narrower interval; the level also decides what is clear.
    assert audit_schedule(six(), conf_level=0.5).contrasts()["conf_low"].iloc[0] > seen["conf_low"]


def test_display() -> None:
    """What the schedule changes is said in words; the medians are those of the docstring."""
    text = str(audit_schedule(six(), tau=28))
    assert text.startswith(
        "Audit of the visit schedule\n"
        "  Outcome               response (≥ 50 % fall)\n"
        "  Horizon               day 28\n"
        "  Visits shared by all  days 14, 28\n"
    )
    assert text.endswith(
        "Note: M: the median moves from 28 to between 14 and 28 days, because half of the onsets "
        "came after 14 days or more without a visit; the mean to day 28 moves from 23.3 to between "
        "14.0 and 23.3 days.\n"
        "Note: W: the median moves from 14 to between 7 and 14 days, because half of the onsets "
        "came after 7 days or more without a visit; the mean to day 28 moves from 16.3 to between "
        "11.7 and 16.3 days.\n"
        "Note: W v M: no clear difference, however onset is dated.\n"
        "Note: No comparison of two treatments hangs on how onset is dated.\n"
        "Note: Unadjusted: treatments were not randomised."
    )


def row(estimate: float, low: float, high: float, p: float, note: str = "") -> SimpleNamespace:
    return SimpleNamespace(
        estimate=estimate, bound_low=low, bound_high=high, log_rank_p_value=p, note=note
    )


CLEAR = row(-9.0, -9.0, -9.0, 0.001)


@pytest.mark.parametrize(
    ("seen", "between", "grid", "depends", "words"),
    [
        (CLEAR, row(-8, -9, -7, 0.002), row(-5, -5, -5, 0.01), False, "depend on the schedule."),
        (CLEAR, row(-8, -9, -7, 0.002), row(-1, -1, -1, 0.4), False, "is not clear (log-rank p"),
        (CLEAR, row(-8, -9, -7, 0.002), row(*[np.nan] * 4, "none shared"), False, "; none shared."),
        (CLEAR, row(-8, -9, -7, 0.002), row(4, 4, 4, 0.01), True, "to +4.0 on those that both"),
        (CLEAR, row(2, 1, 3, 0.002), row(4, 4, 4, 0.01), True, "order turns round, from -9.0"),
        (CLEAR, row(-1, -9, 7, 0.002), row(-5, -5, -5, 0.01), True, "leave open from -9.0 to +7.0"),
        (CLEAR, row(-8, -9, -7, 0.200), row(-5, -5, -5, 0.01), True, "0.200 between them"),
        (row(-1, -1, -1, 0.3), row(-1, -2, 0.5, 0.4), CLEAR, False, "no clear difference"),
        (CLEAR, row(*[np.nan] * 4, "nobody there"), CLEAR, False, "not compared, nobody there."),
    ],
)  # fmt: skip
def test_words_of_a_pair(seen: Any, between: Any, grid: Any, depends: bool, words: str) -> None:
    rows = {"at the visit": seen, "between visits": between, "at the visit, one grid": grid}
    found, said = of_pair("A", "B", rows, 0.05)
    assert found is depends
    assert said.startswith("A v B: ")
    assert words in said


def test_many_pairs_are_counted() -> None:
    same, other = (False, "A v B: the order stays."), (True, "A v C: p 0.01, 0.2 between them.")
    assert of_pairs([same] * 4 + [other]) == [
        other[1], "1 of 5 comparisons depends on how onset is dated, 4 do not."
    ]  # fmt: skip
    assert of_pairs([same] * 5) == ["No comparison of two treatments hangs on how onset is dated."]
    assert of_pairs([]) == []


def test_an_order_that_the_schedule_makes() -> None:
    # All respond on day 10. W, rated weekly, sees it on day 14, V, rated on day 28 only, on day 28:
    # V looks 14 days slower, and nothing between the visits says so.
    rows = []
    for arm, days in {"W": range(7, 35, 7), "V": [28]}.items():
        for i in range(30):
            seen = [(0, 30), *((d, 10 if d >= 10 else 28) for d in days)]
            rows += [{"subject": f"{arm}{i}", "treatment": arm, "day": d, "score": s}
                     for d, s in seen]  # fmt: skip
    audit = audit_schedule(Study(pd.DataFrame(rows), scale="MADRS"))
    tests = audit.contrasts().set_index("method")
    assert tests.loc["at the visit", "estimate"] == pytest.approx(-14)
    assert tests.loc["between visits", "bound_low"] < 0 < tests.loc["between visits", "bound_high"]
    assert any(w.startswith("W v V: ") for w in audit.verdict())
    assert audit.glance()["n_changed"].item() == 1
    # The one visit that both share is on the last day: it says nothing of days.
    assert tests.loc["at the visit, one grid", "note"] == "no visit before day 28"
    assert np.isnan(tests.loc["at the visit, one grid", "estimate"])


def test_one_treatment_other_definitions_and_no_events() -> None:
    alone = audit_schedule(six().only(["W"]), Remission(at_most=9), tau=28)
    assert not len(alone.contrasts())
    assert "at the visit, one grid" not in set(alone.tidy()["method"])
    assert "remission" in str(alone)
    never = {**SCORES, "M1": [29, 29], "M2": [29, 29]}
    audit = audit_schedule(six(never), tau=28)
    assert np.isnan(audit.grids().set_index("treatment").loc["M", "gap_median"])
    assert "M: no onset was seen, so the schedule moves none." in audit.verdict()
    both = Response() & Remission(at_most=9)
    assert audit_schedule(six(), both, tau=28).glance()["events"].item() == 3


def arms(plans: dict[str, list[int]], n: int, seed: int, **options: Any) -> Study:
    """Return treatments with one law of onset, exponential with mean 30 days, and own visits."""
    rng = np.random.default_rng(seed)
    rows = [
        {"subject": f"{arm}{i}", "treatment": arm, "day": day, "score": 10 if day >= onset else 28}
        for arm, days in plans.items()
        for i in range(n)
        for onset in [rng.exponential(30.0)]
        for day in [0, *days]
    ]
    return Study(pd.DataFrame(rows).assign(score=lambda d: d["score"].mask(d["day"] == 0, 30)),
                 scale="MADRS", **options)  # fmt: skip


def test_disjoint_grids() -> None:
    """K has ended before V is first looked at: what cannot be compared is NaN, with the reason."""
    audit = audit_schedule(arms({"K": [1, 7, 28], "V": [91, 182]}, 20, 1))
    assert (audit.tau, audit.grid, len(audit.shared())) == (28, (), 0)
    means = audit.tidy().query("measure == 'mean days'").set_index(["treatment", "method"])
    none = means.loc[("V", "at the visit")]
    assert np.isnan(none["estimate"])
    assert none["note"] == "no subject under V was assessed by day 28, the first on day 91"
    assert np.isfinite(means.loc[("V", "between visits"), "bound_high"])
    rows = audit.contrasts().set_index("method")
    one = rows.loc["at the visit, one grid"]
    assert np.isnan(one["estimate"])
    assert np.isnan(one["log_rank_p_value"])
    assert "V and K share no attended visit" in one["note"]
    assert "Visits shared by all  none" in str(audit)
    fig = audit.plot()
    assert "at the visit, one grid" not in [t.get_text() for t in fig.legends[0].get_texts()]
    plt.close(fig)


def test_nobody_followed_under_a_treatment() -> None:
    visits = six().visits.astype({"subject": str})
    visits["treatment"] = visits["subject"].str[0]
    lost = visits.assign(score=visits["score"].mask(visits["subject"].str.startswith("M")
                                                    & (visits["day"] > 0)))  # fmt: skip
    audit = audit_schedule(Study(lost[["subject", "treatment", "day", "score"]], scale="MADRS"))
    assert "M: no subject was assessed after day 0." in audit.verdict()
    assert "W v M: not compared, no subject under M has follow-up." in audit.verdict()
    own = audit.tidy().query("treatment == 'M'")
    assert own["estimate"].isna().all()
    assert (own["note"] != "").all()


def test_days_that_scatter_make_no_grid() -> None:
    """Without windows day 20 of one and day 21 of another are different visits."""
    rng = np.random.default_rng(3)
    visits = arms({"A": [7, 14, 28], "B": [14, 28]}, 30, 2).visits.astype({"subject": str})
    moved = visits["day"] + rng.integers(-3, 4, len(visits)) * (visits["day"] > 0)
    visits = visits.assign(treatment=visits["subject"].str[0], day=moved)
    table = visits[["subject", "treatment", "day", "score"]]
    audit = audit_schedule(Study(table, scale="MADRS"))
    assert audit.grid == ()
    assert "without visit windows every day is a separate visit" in audit.contrasts()["note"][2]
    windows = {"A": {7: 3, 14: 3, 28: 3}, "B": {14: 3, 28: 3}}
    assert audit_schedule(Study(table, scale="MADRS", windows=windows)).grid == (14, 28)


def test_visits_are_shared_when_each_lies_in_the_window_of_the_other() -> None:
    windows = {"A": {7: 1, 20: 5, 40: 3}, "B": {8: 1, 24: 3, 43: 3, 60: 3}}
    study = arms({"A": [7, 20, 40], "B": [8, 24, 43, 60]}, 20, 4, windows=windows)
    shared = audit_schedule(study).shared()
    # Day 24 lies within 20 +- 5, but day 20 not within 24 +- 3; 7 and 8, 40 and 43 do both.
    pairs = shared[["reference_visit", "visit", "day"]].to_numpy().tolist()
    assert pairs == [[7, 8, 7.5], [40, 43, 41.5]]


def test_few_who_were_rated_make_no_visit() -> None:
    """A day at which one of six was rated is no visit of the schedule."""
    study = six()
    extra = pd.DataFrame({"subject": ["W1", "M1"], "day": [10, 10], "score": [21, 21]})
    visits = pd.concat([study.visits.astype({"subject": str}), extra])
    table = visits.assign(treatment=visits["subject"].str[0])
    audit = audit_schedule(
        Study(table[["subject", "treatment", "day", "score"]], scale="MADRS"), tau=28
    )
    attended = audit.visits().query("treatment == 'W'").set_index("visit")["attended"]
    assert attended.to_dict() == {7: True, 10: False, 14: True, 21: True, 28: True}
    assert audit.grid == (14, 28)


def test_the_shared_visits_keep_the_level() -> None:
    """Equal onset, unlike schedules: ranks by day of visit find a difference, shared visits none.

    Weekly visits on days 7, 14, ... against every fourth week one day later: 60 runs at a level of
    5 %. Ten rejections would have a chance below 0.1 % where the level holds.
    """
    clear = {"at the visit": 0, "between visits": 0, "at the visit, one grid": 0}
    windows = {"A": dict.fromkeys(range(7, 57, 7), 2), "B": {29: 2, 57: 2}}
    for seed in range(60):
        study = arms({"A": list(range(7, 57, 7)), "B": [29, 57]}, 60, seed, windows=windows)
        rows = audit_schedule(study).contrasts().set_index("method")
        for method in clear:
            clear[method] += int(rows.loc[method, "log_rank_p_value"] < 0.05)
    assert clear["at the visit"] > 40
    assert clear["between visits"] < 10
    assert clear["at the visit, one grid"] < 10


def test_the_order_of_rows_and_names_of_treatments_do_not_matter() -> None:
    study = arms({"A": [7, 14, 28], "B": [14, 28]}, 20, 5)
    visits = study.visits.astype({"subject": str})
    visits["treatment"] = visits["subject"].str[0]
    table = visits[["subject", "treatment", "day", "score"]]
    shuffled = Study(table.sample(frac=1, random_state=1), scale="MADRS")
    pd.testing.assert_frame_equal(
        audit_schedule(shuffled).contrasts(), audit_schedule(study).contrasts()
    )
    swapped = Study(table.replace({"treatment": {"A": "Z"}}), scale="MADRS")
    one, two = (audit_schedule(s).contrasts().set_index("method") for s in (study, swapped))
    assert np.allclose(one["estimate"], -two["estimate"])
    assert np.allclose(one["log_rank_p_value"], two["log_rank_p_value"])


def test_an_audit_pickles() -> None:
    audit = audit_schedule(six(), tau=28)
    assert str(pickle.loads(pickle.dumps(audit))) == str(audit)


def test_figure() -> None:
    fig = audit_schedule(six(), tau=28).plot(title="Six")
    left, right = fig.axes
    assert [t.get_text() for t in left.get_yticklabels()] == ["M", "W"]
    assert "Day of the visit" in left.get_xlabel()
    assert right.get_xlabel() == "Mean days without the event to day 28"
    assert [t.get_text() for t in fig.legends[0].get_texts()] == [
        "at the visit", "between visits", "at the visit, one grid"
    ]  # fmt: skip
    plt.close(fig)
    with pytest.raises(UnknownNameError, match="share"):
        plots.plot_schedule(
            pd.DataFrame({"treatment": ["A"], "day": [1.0]}),
            pd.DataFrame({"treatment": ["A"], "method": ["at the visit"], "bound_low": [1.0],
                          "bound_high": [1.0]}),
        )  # fmt: skip
