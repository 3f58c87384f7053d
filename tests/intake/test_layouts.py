"""Wide and long, subjects and visits, codes and labels, items, events."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import ExportMapping, Study, read_export
from trdstats.errors import DataError, DataWarning

ROLES: dict[str, Any] = {"scale": "MADRS", "subject": "id", "treatment": "arm"}
LONG: dict[str, Any] = ROLES | {"day": "day", "score": "madrs"}


def read(frame: Any, given: dict[str, Any], **tables: Any) -> Study:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return read_export(frame, mapping=ExportMapping(**given), **tables)


def kinds(study: Study) -> dict[str, str]:
    return {p.kind: p.summary for p in study.notices}


def table(**columns: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in columns.items()})


def test_weeks_in_names_become_days() -> None:
    frame = table(id=["a", "b"], arm=["E", "T"], madrs_w0=[30, 31], madrs_w4=[10, None], age=[4, 5])
    study = read(frame, ROLES | {"score": "madrs_w{week}"})
    assert study.visits["day"].tolist() == [0, 28, 0, 28]
    assert study.visits["score"].tolist()[:3] == [30, 10, 31]
    assert study.subjects["age"].tolist() == [4, 5]
    said = kinds(study)
    assert said["empty_cells"] == "1 cell of 4 for MADRS without a score: visits without a rating."
    assert said["wide_visits"] == "Columns became visits on 2 days: 0, 28 (weeks times 7)."


@pytest.mark.parametrize(
    ("score", "names", "days"),
    [
        ("m_d{day}", ["m_d0", "m_d28"], [0, 28]),
        ("m_m{month}", ["m_m0", "m_m3"], [0, 91]),
        ("m{hour}h", ["m0h", "m24h"], [0, 1]),
        ("M_W{week}", ["m_w0", "m_w1"], [0, 7]),
        ("m_d{day}", ["m_d-7", "m_d0"], [-7, 0]),
        ({"bl": 0, "end": 42}, ["bl", "end"], [0, 42]),
    ],
)
def test_patterns(score: Any, names: list[str], days: list[float]) -> None:
    frame = pd.DataFrame({"id": ["a"], "arm": ["E"], names[0]: [30], names[1]: [12]})
    assert read(frame, ROLES | {"score": score}).visits["day"].tolist() == days


def test_dates_of_wide_visits() -> None:
    frame = table(id=["a", "b"], arm=["E", "T"], first=["2025-01-06", "2025-02-03"],
                  m0=[30, 31], m4=[10, None], d0=["2025-01-06", "2025-02-01"],
                  d4=["2025-02-05", None])  # fmt: skip
    study = read(frame, ROLES | {"score": "m{week}", "date": "d{week}", "start": "first"})
    assert study.visits["day"].tolist() == [0, 30, -2]
    assert kinds(study)["rows_without_visit"].startswith("1 row has neither a day nor a score")
    with pytest.raises(DataError, match="1 rating has no date in `visits` column 'd4'"):
        read(frame.assign(m4=[10, 20]), ROLES | {"score": "m{week}", "date": "d{week}",
                                                 "start": "first"})  # fmt: skip


def test_a_subject_twice_in_a_wide_table_is_refused() -> None:
    frame = table(id=["a", "a"], arm=["E", "E"], m0=[30, 30])
    with pytest.raises(DataError, match="1 row repeats a subject in `visits`"):
        read(frame, ROLES | {"score": "m{week}"})


def test_two_columns_of_one_day_are_refused() -> None:
    frame = table(id=["a"], arm=["E"], m1=[30], m01=[30])
    with pytest.raises(DataError, match=r"Several columns fit 'm\{week\}' for day 7"):
        read(frame, ROLES | {"score": "m{week}"})


@pytest.mark.parametrize(("unit", "days"), [("weeks", [0, 28]), ("months", [0, 122]),
                                            ("hours", [0, 4 / 24])])  # fmt: skip
def test_units_of_time(unit: str, days: list[float]) -> None:
    frame = table(id=["a", "a"], arm=["E", "E"], day=[0, 4], madrs=[30, 10])
    study = read(frame, LONG | {"unit": unit})
    assert study.visits["day"].tolist() == days
    assert "became days" in kinds(study)["unit_of_time"]


def test_names_of_visits() -> None:
    frame = table(id=["a"] * 3, arm=["E"] * 3, event=["Baseline", "week 4", "phone"],
                  madrs=[30, 10, None])  # fmt: skip
    given = ROLES | {"score": "madrs", "visit": "event",
                     "visit_days": {"baseline": 0, "Week 4": 28}}  # fmt: skip
    assert read(frame, given).visits["day"].tolist() == [0, 28]
    with pytest.raises(DataError, match="visit_days does not name: 'phone'"):
        read(frame.assign(madrs=[30, 10, 9]), given)


def test_arms_are_called_by_their_label_in_the_order_of_the_labels() -> None:
    frame = table(id=["a", "b"], arm=["2", "1"], day=[0, 0], madrs=[30, 31])
    study = read(frame, LONG | {"labels": {"arm": {2: "TMS", 1: "ECT"}}})
    assert study.treatments == ("TMS", "ECT")
    assert study.subjects["treatment"].tolist() == ["TMS", "ECT"]


def test_codes_without_a_label_are_named() -> None:
    frame = table(id=["a", "b", "c"], arm=[1, 2, 9], day=[0] * 3, madrs=[30] * 3)
    with pytest.raises(DataError, match="1 code that the labels of the mapping do not name: '9'"):
        read(frame, LONG | {"labels": {"arm": {1: "ECT", 2: "TMS"}}})


def test_a_treatment_of_codes_is_a_warning() -> None:
    frame = table(id=["a", "b"], arm=["1", "2"], day=[0, 0], madrs=[30, 31])
    assert "codes without labels" in kinds(read(frame, LONG))["unlabelled_treatment"]


def test_subjects_from_their_baseline_row() -> None:
    """One row a patient and event: what is said of a subject stands on one of them."""
    frame = table(id=["a", "a", "b", "b"], arm=[1, None, 2, None], day=[None, 0, None, 0],
                  madrs=[None, 30, None, 31], sex=["f", None, "m", None])  # fmt: skip
    study = read(frame, LONG | {"labels": {"arm": {1: "ECT", 2: "TMS"}}})
    assert study.subjects["treatment"].tolist() == ["ECT", "TMS"]
    assert study.subjects["sex"].tolist() == ["f", "m"]
    assert len(study.visits) == 2
    assert kinds(study)["rows_without_visit"] == "2 rows have neither a day nor a score: no visits."


def test_conflicting_values_are_reported_with_subject_and_row() -> None:
    frame = table(id=["a", "a"], arm=["ECT", "TMS"], day=[0, 7], madrs=[30, 31], age=[40, 41])
    with pytest.raises(DataError, match="says two things of 1 subject") as caught:
        read(frame, LONG | {"covariates": ["age"]})
    words = str(caught.value)
    assert "a: 'ECT' and 'TMS' (row 1)" in words
    assert "a: 40 and 41 (row 1)" in words


def test_what_changes_describes_visits_and_the_future_no_subject() -> None:
    frame = table(id=["a", "a", "b", "b"], arm=["E"] * 4, day=[0, 7] * 2, madrs=[30, 20] * 2,
                  dose=[1, 2, 1, 1], relapsed=[None, "yes", None, None])  # fmt: skip
    study = read(frame, LONG)
    assert {"dose", "relapsed"} <= set(study.visits.columns)
    assert not {"dose", "relapsed"} & set(study.subjects.columns)


def test_a_slip_in_a_column_of_subjects_is_noticed() -> None:
    n = 60
    frame = pd.DataFrame({"id": np.repeat(np.arange(n), 2), "arm": "E", "day": [0, 7] * n,
                          "madrs": 30, "sex": ["f", "f"] * n})  # fmt: skip
    frame.loc[1, "sex"] = "m"
    study = read(frame, LONG)
    assert "'sex' changes within 1 subject of 60" in kinds(study)["nearly_constant"]


def test_a_table_of_subjects() -> None:
    visits = table(id=["a", "b"], seen=["13.01.2025", "14.01.2025"], madrs=[30, 31])
    subjects = table(id=["a", "b"], arm=[1, 2], first=["13.01.2025"] * 2, bmi=["21,5", "22"])
    given = ROLES | {"score": "madrs", "date": "seen", "start": "first",
                     "labels": {"arm": {1: "ECT", 2: "TMS"}}}  # fmt: skip
    study = read(visits, given | {"baseline": 30}, subjects=subjects)
    assert study.visits["day"].tolist() == [0, 1]
    assert study.subjects["bmi"].tolist() == [21.5, 22]
    assert "same baseline" in kinds(study)["constant_baseline"]
    with pytest.raises(DataError, match="has one row each"):
        read(visits, given, subjects=pd.concat([subjects, subjects]))


def test_identifiers_of_both_kinds_are_one_subject() -> None:
    visits = table(id=["7", "8"], day=[0, 0], madrs=[30, 31])
    subjects = pd.DataFrame({"id": [7, 8], "arm": ["E", "T"]})
    assert read(visits, LONG, subjects=subjects).subjects["subject"].tolist() == ["7", "8"]


def test_items_are_scored_on_the_way() -> None:
    """Nine items of 2 are 18; one unanswered item of 9 is filled in: 8 x 2 x 9 / 8 = 18."""
    items = {f"q{k}": [2, 2 if k < 9 else None] for k in range(1, 10)}
    frame = table(id=["a", "a"], arm=["E", "E"], day=[0, 7], **items)
    given = {"scale": "PHQ9", "subject": "id", "treatment": "arm", "day": "day", "items": "q{item}"}
    complete = read(frame, given | {"missing_items": "complete"})
    assert complete.visits["score"].tolist()[0] == 18
    assert np.isnan(complete.visits["score"].tolist()[1])
    filled = read(frame, given | {"missing_items": 1})
    assert filled.visits["score"].tolist() == [18, 18]
    assert "2 forms of PHQ9 scored from items" in kinds(filled)["scored_items"]


def test_items_of_wide_visits_with_answers_as_words() -> None:
    words = {"never": 0, "daily": 3}
    columns = {f"w{w}_q{k}": ["daily" if not w else "never"] for w in (0, 4) for k in range(1, 10)}
    frame = table(id=["a"], arm=["E"], **columns)
    given = {"scale": "PHQ9", "subject": "id", "treatment": "arm", "items": "w{week}_q{item}",
             "labels": {"w{week}_q{item}": words}}  # fmt: skip
    study = read(frame, given)
    assert study.visits["score"].tolist() == [27, 0]
    with pytest.raises(DataError, match="does not give the 9 items of PHQ9 at day 28"):
        read(frame.drop(columns="w4_q3"), given)


def test_two_scales_side_by_side() -> None:
    frame = table(id=["a", "a"], arm=["E", "E"], day=[0, 7], madrs=[30, 20], phq=[20, None])
    study = read(frame, ROLES | {"scale": ["MADRS", "PHQ9"], "day": "day",
                                 "score": {"MADRS": "madrs", "PHQ9": "phq"}})  # fmt: skip
    assert study.on("PHQ9").visits["score"].tolist()[0] == 20
    assert study.visits["score"].tolist() == [30, 20]


def test_events_from_columns_and_from_a_table() -> None:
    frame = table(id=["a", "a", "b"], arm=["E", "E", "T"], first=["2025-01-06"] * 3,
                  seen=["2025-01-06", "2025-01-13", "2025-01-06"], madrs=[30, 20, 31],
                  died=["2025-02-05", "2025-02-05", None])  # fmt: skip
    given = ROLES | {"score": "madrs", "date": "seen", "start": "first",
                     "event_dates": {"died": "death"}, "event": "what"}  # fmt: skip
    events = table(id=["b"], what=["rescue"], seen=["2025-01-09"])
    study = read(frame, given, events=events)
    assert study.events[["subject", "day", "event"]].to_numpy().tolist() == [
        ["a", 30, "death"],
        ["b", 3, "rescue"],
    ]


def test_columns_that_are_not_there_are_all_named() -> None:
    frame = table(id=["a"], arm=["E"], day=[0], madrs=[30])
    with pytest.raises(DataError) as caught:
        read(frame, LONG | {"treatment": "amr", "score": "madr", "covariates": ["age"]})
    words = str(caught.value)
    for part in ("no column 'amr' for treatment", "Did you mean 'arm'", "no column 'madr'",
                 "no column 'age' for covariates"):  # fmt: skip
        assert part in words


def test_declared_levels_keep_their_order() -> None:
    arms = pd.Categorical(["T", "E"], categories=["T", "E"])
    frame = pd.DataFrame({"id": ["a", "b"], "arm": arms, "day": 0, "madrs": 30})
    assert read(frame, LONG).treatments == ("T", "E")
