"""Episodes: what holds from when to when, worked by hand, and what is refused."""

from __future__ import annotations

import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError, SpecError, UnknownNameError


@pytest.fixture
def study() -> trd.Study:
    """Return visits of A (responds on day 28), B (never), C (rated once) and D (never rated)."""
    visits = pd.DataFrame(
        {
            "subject": ["A"] * 5 + ["B"] * 4 + ["C"] * 2 + ["D"],
            "treatment": ["ECT"] * 5 + ["TMS"] * 4 + ["TMS"] * 2 + ["ECT"],
            "day": [0, 7, 14, 21, 28, 0, 7, 14, 28, 0, 7, 0],
            "score": [30, 28, 24, None, 15, 32, 25, 30, 31, 30, 12, 30],
            "dose": [1, 2, 2, 3, 3, 1, None, 2, 2, 1, 1, 1],
        }
    )
    events = pd.DataFrame({"subject": ["B"], "day": [10], "event": ["rescue"]})
    courses = pd.DataFrame(
        {"subject": ["A", "A", "B"], "treatment": ["ECT", "lithium", "TMS"],
         "start": [0, 10, 0], "end": [None, 20, None], "kind": [None, "augmentation", None]}
    )  # fmt: skip
    return trd.Study(visits, events=events, courses=courses, scale="MADRS")


def rows(episodes: trd.Episodes, *columns: str) -> list[tuple[object, ...]]:
    names = ["subject", "start", "stop", "status", *columns]
    return [tuple(r) for r in episodes.frame[names].itertuples(index=False)]


def test_a_value_counts_after_its_visit_and_is_carried(study: trd.Study) -> None:
    episodes = trd.start_stop(study, trd.Response(), ["score"])
    assert rows(episodes, "score") == [
        ("A", 0, 7, 0, 30), ("A", 7, 14, 0, 28), ("A", 14, 28, 1, 24),
        ("B", 0, 7, 0, 32), ("B", 7, 14, 0, 25), ("B", 14, 28, 0, 30),
        ("C", 0, 7, 1, 30),
    ]  # fmt: skip
    assert episodes.left_out["reason"].tolist() == ["no assessment after the origin"]


def test_definitions_events_courses_and_columns(study: trd.Study) -> None:
    sources = {
        "early": trd.Response(0.2),
        "rescued": trd.Event(("rescue",)),
        "lithium": trd.InCourse("lithium"),
        "dose_now": "dose",
    }
    episodes = trd.start_stop(study, trd.Response(), sources)
    assert rows(episodes, "early", "rescued", "lithium", "dose_now") == [
        ("A", 0, 7, 0, 0, 0, 0, 1), ("A", 7, 10, 0, 0, 0, 0, 2), ("A", 10, 14, 0, 0, 0, 1, 2),
        ("A", 14, 20, 0, 1, 0, 1, 2), ("A", 20, 21, 0, 1, 0, 0, 2), ("A", 21, 28, 1, 1, 0, 0, 3),
        ("B", 0, 7, 0, 0, 0, 0, 1), ("B", 7, 10, 0, 1, 0, 0, 1), ("B", 10, 14, 0, 1, 1, 0, 1),
        ("B", 14, 28, 0, 0, 1, 0, 2),
        ("C", 0, 7, 1, 0, 0, 0, 1),
    ]  # fmt: skip


def test_episodes_add_up_to_the_event_times(study: trd.Study) -> None:
    sample = trd.load_sample("trial")
    for since in (None, trd.Response()):
        what = trd.Response() if since is None else trd.Relapse(at_least=22, consecutive=2)
        times = trd.time_to(sample, what, since=since, competing="left follow-up")
        episodes = trd.start_stop(sample, what, ["change"], since=since, competing="left follow-up")
        whole = episodes.frame.groupby("subject", observed=True, sort=False).agg(
            time=("stop", "max"), status=("status", "last"), days=("start", "min")
        )
        # With events on the day of the origin those censored there were at risk on it.
        plain = times.at_risk()
        assert (whole["days"] == 0).all()
        assert whole["time"].tolist() == plain["time"].tolist()
        assert whole["status"].tolist() == plain["status"].tolist()
        # The same model on whole and on cut follow-up is the same.
        one = trd.CoxPH("treatment + age").fit(times).tidy()
        cut = trd.CoxPH("treatment + age").fit(episodes).tidy()
        pd.testing.assert_frame_equal(one, cut, rtol=1e-9)


def test_losses_of_response() -> None:
    visits = pd.DataFrame(
        {"subject": ["A"] * 7 + ["B"] * 3, "treatment": ["ECT"] * 7 + ["TMS"] * 3,
         "day": [0, 7, 14, 21, 28, 35, 42, 0, 7, 14],
         "score": [30, 15, 25, 24, 10, 12, 28, 30, 29, 28]}
    )  # fmt: skip
    study = trd.Study(visits, scale="MADRS")
    history = trd.response_history(study, trd.Response(), trd.LossOfResponse(), regain=True)
    losses = trd.loss_episodes(history)
    assert rows(losses, "number") == [("A", 0, 7, 1, 1), ("A", 21, 35, 1, 2)]
    assert losses.is_recurrent
    assert losses.origin.startswith("first response")
    assert losses.left_out.to_numpy().tolist() == [["B", "TMS", "no response"]]
    assert rows(losses.gap_time()) == [("A", 0, 7, 1), ("A", 0, 14, 1)]
    with pytest.raises(SpecError, match="counted from the start of each risk already"):
        losses.gap_time().gap_time()
    with pytest.raises(SpecError, match="1 or above; got 0"):
        losses.with_numbers_to(0)


def test_a_definition_that_looks_ahead_is_refused() -> None:
    study = trd.load_sample("trial")
    for definition in (
        trd.Relapse(at_least=22, consecutive=2),
        trd.Sustained(trd.Response(), visits=2),
    ):
        with pytest.raises(SpecError, match=r"depends on later visits.*would look ahead"):
            trd.start_stop(study, trd.Response(), {"later": definition})


def test_what_cannot_be_a_covariate(study: trd.Study) -> None:
    with pytest.raises(UnknownNameError, match="column of the visits"):
        trd.start_stop(study, trd.Response(), ["doze"])
    with pytest.raises(SpecError, match="names at least one"):
        trd.start_stop(study, trd.Response(), [])
    with pytest.raises(SpecError, match=r"name the covariate otherwise.*baseline_now"):
        trd.start_stop(study, trd.Response(), {"baseline": "score"})
    with pytest.raises(UnknownNameError, match=r"treatment of a course.*lithum"):
        trd.start_stop(study, trd.Response(), {"on": trd.InCourse("lithum")})
    with pytest.raises(UnknownNameError, match="kind of event"):
        trd.start_stop(study, trd.Response(), {"x": trd.Event(("resque",))})
    arms = study.subjects[["subject", "treatment"]]
    plain = trd.Study(study.visits[["subject", "day", "score"]], arms, scale="MADRS")
    with pytest.raises(SpecError, match="no courses of treatment"):
        trd.start_stop(plain, trd.Response(), {"on": trd.InCourse("lithium")})


def table(**columns: object) -> pd.DataFrame:
    plain: dict[str, object] = {
        "subject": ["A", "A", "B"], "treatment": ["ECT", "ECT", "TMS"],
        "start": [0, 7, 0], "stop": [7, 14, 14], "status": [1, 0, 0],
    }  # fmt: skip
    return pd.DataFrame({**plain, **columns})


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"start": [0, 5, 0]}, "1 row begins before the subject's episode before it ended"),
        ({"stop": [7, 7, 14]}, "1 row ends before or at its start"),
        ({"status": [2, 0, 0]}, "1 row follows a status of 2 or above"),
        ({"treatment": ["ECT", "TMS", "TMS"]}, "1 row has another treatment"),
        ({"status": [0.5, 0, 0]}, "1 status is no whole number"),
        ({"start": ["0", "x", "0"]}, "'start'"),
        ({"stop": [7, None, 14]}, "missing, infinite or negative"),
        ({"subject": ["A", None, "B"]}, "1 row has no subject"),
        ({"treatment": ["ECT", None, "TMS"]}, "1 row has no treatment"),
    ],
)
def test_malformed_tables(columns: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        trd.Episodes(table(**columns))


def test_all_problems_at_once_and_other_names() -> None:
    with pytest.raises(DataError) as caught:
        trd.Episodes(table(start=[0, -7, 0], status=[1, 0, -1]))
    assert "missing, infinite or negative" in str(caught.value)
    assert "no whole number" in str(caught.value)
    with pytest.raises(DataError, match="no column 'start' for start"):
        trd.Episodes(table().rename(columns={"start": "tstart"}))
    renamed = trd.Episodes(table().rename(columns={"start": "tstart"}), start="tstart")
    assert renamed.frame["number"].tolist() == [1, 2, 1]
    with pytest.raises(DataError, match="no rows"):
        trd.Episodes(table().iloc[:0])


def test_display() -> None:
    text = repr(trd.Episodes(table(), outcome="relapse"))
    assert text.splitlines()[0] == "Episodes until relapse"
    assert "With two or more" in text


def test_late_events_share_a_number_and_keep_their_clock() -> None:
    frame = pd.DataFrame({"subject": ["A"] * 3, "treatment": "ECT", "start": [0, 10, 25],
                          "stop": [10, 25, 40], "status": 1})  # fmt: skip
    episodes = trd.Episodes(frame)
    for made in (episodes.with_numbers_to(2).gap_time(), episodes.gap_time().with_numbers_to(2)):
        assert rows(made, "number") == [("A", 0, 10, 1, 1), ("A", 0, 15, 1, 2), ("A", 0, 15, 1, 2)]
    assert episodes.with_numbers_to(1).is_recurrent


def test_delayed_entry_and_covariates_with_names_of_episodes() -> None:
    visits = pd.DataFrame({"subject": ["A"] * 3 + ["B"] * 3, "day": [0, 7, 14] * 2,
                           "score": [30, 28, 12, 30, 29, 28]})  # fmt: skip
    subjects = pd.DataFrame({"subject": ["A", "B"], "treatment": ["ECT", "TMS"],
                             "entry": [5.0, 0.0], "number": [3, 4]})  # fmt: skip
    study = trd.Study(visits, subjects, scale="MADRS")
    episodes = trd.start_stop(study, trd.Response(), ["change"])
    assert rows(episodes, "change") == [
        ("A", 5, 7, 0, 0), ("A", 7, 14, 1, -2), ("B", 0, 7, 0, 0), ("B", 7, 14, 0, -1),
    ]  # fmt: skip
    assert episodes.frame["number_given"].tolist() == [3, 3, 4, 4]


def test_events_of_a_rule_and_events_before_day_0(study: trd.Study) -> None:
    rule = trd.Response(0.2) | trd.Event(("rescue",))
    with pytest.raises(SpecError, match=r"counts recorded events \(rescue\) beside scores"):
        trd.start_stop(study, trd.Response(), {"x": rule})
    events = pd.DataFrame({"subject": ["B", "A"], "day": [-2, 3], "event": "hospitalisation"})
    visits = study.visits[["subject", "day", "score"]]
    arms = study.subjects[["subject", "treatment"]]
    with pytest.warns(trd.errors.DataWarning, match="They are not counted"):
        early = trd.Study(visits, arms, events, scale="MADRS")
    event = trd.Event(("hospitalisation",))
    made = trd.start_stop(early, trd.Response(), {"in_hospital": event}).frame
    assert made.groupby("subject", observed=True)["in_hospital"].max().to_dict() == {
        "A": 1.0, "B": 0.0, "C": 0.0,
    }  # fmt: skip


def test_who_has_no_time_in_response_is_told_why() -> None:
    visits = pd.DataFrame(
        [(1, 0, 30), (1, 7, 10), (1, 14, 25), (2, 0, 30), (2, 7, 10), (3, 0, 30), (4, 0, 30),
         (4, 7, 20)], columns=["subject", "day", "score"],
    )  # fmt: skip
    arms = pd.DataFrame({"subject": [1, 2, 3, 4], "treatment": list("ABAB")})
    study = trd.Study(visits, arms, scale="MADRS")
    history = trd.response_history(study, trd.Response(), trd.LossOfResponse(), regain=True)
    left_out = trd.loss_episodes(history).left_out.set_index("subject")["reason"]
    assert left_out.to_dict() == {
        2: "no assessment after the response", 3: "no post-baseline assessment", 4: "no response",
    }  # fmt: skip


def test_names_that_stand_for_something_else_are_refused() -> None:
    with pytest.raises(DataError, match="covariate 'left' has the name of a column of episodes"):
        trd.Episodes(table(left=[1, 2, 3], number=[9, 9, 9]))
    with pytest.raises(DataError, match="have the columns 'id', given for subject, and 'subject'"):
        trd.Episodes(table(id=[1, 1, 2]), subject="id")
    times = pd.DataFrame({"subject": [1, 2], "treatment": "A", "time": 9, "days": [3, 4],
                          "status": 1})  # fmt: skip
    with pytest.raises(DataError, match="have the columns 'days', given for time, and 'time'"):
        trd.EventTimes(times, time="days")
    with pytest.raises(SpecError, match="history must be a ResponseHistory"):
        trd.loss_episodes(trd.load_sample("trial"))  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="study must be a Study"):
        trd.start_stop(times, trd.Response(), ["score"])  # type: ignore[arg-type]
    lengths = trd.EventTimes(times.drop(columns="days").assign(duration=[24.0, 9.0]))
    assert lengths.to_lifelines()["duration_given"].tolist() == [24.0, 9.0]
