"""Universes without a standard error neither agree nor disagree."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trdstats import Remission, Response, Study, multiverse


def two_arms(after: list[int], control: list[int]) -> Study:
    arms = ["ECT"] * len(after) + ["TMS"] * len(control)
    people = [f"{a}{i:02d}" for i, a in enumerate(arms)]
    start = pd.DataFrame({"subject": people, "day": 0, "treatment": arms, "score": 30})
    end = start.assign(day=28, score=[*after, *control])
    return Study(pd.concat([start, end]), scale="MADRS", windows={28: 0})


def test_complete_separation_is_not_the_same_conclusion() -> None:
    study = two_arms([5] * 10, [25] * 10)
    found = multiverse(study, [Response(), Remission(10)], primary=Response(), day=28,
                       contrast=("ECT", "TMS"))  # fmt: skip
    table, glance = found.tidy(), found.glance().iloc[0]
    assert table["estimate"].tolist() == [1.0, 1.0]
    assert table["std_error"].isna().all()
    assert table["agrees"].isna().all()
    assert (
        table["reason"].tolist()
        == [
            "every subject had the outcome under ECT and no subject had the outcome under TMS: "
            "no standard error, so no test"
        ]
        * 2
    )
    assert (glance["n_estimated"], glance["n_tested"]) == (2, 0)
    assert np.isnan(glance["proportion_agree"])
    assert np.isnan(glance["proportion_significant"])
    shown = repr(found)
    assert "2 estimated, 0 tested" in shown
    assert "not known: the primary universe has no test" in shown
    assert "2 universes have no test: every subject had the outcome under ECT" in shown
    found.plot()


@pytest.mark.parametrize("estimate", ["difference", "rmst"])
def test_one_arm_without_events_has_no_wald_error(estimate: str) -> None:
    study = two_arms([5, 5, 5, 25, 25, 12, 28, 5, 14, 5], [25] * 10)
    scores = [Response(), Response(0.1)]  # 25 of 30 is a fall of a sixth: everybody above a tenth
    found = multiverse(study, scores, primary=Response(0.1), day=28, contrast=("ECT", "TMS"),
                       estimate=estimate)  # type: ignore[arg-type]  # fmt: skip
    table = found.tidy().set_index("definition")
    own = table.loc[Response().label(study.scale)]
    assert np.isfinite(own["estimate"])
    assert np.isnan(own["p_value"])
    assert own["reason"].endswith("no standard error, so no test")
    assert table["agrees"].isna().all()


def test_the_others_are_judged_among_themselves() -> None:
    study = two_arms([5, 5, 5, 25, 25, 12, 28, 5, 14, 5], [25, 11, 25, 25, 28, 29, 14, 8, 26, 27])
    rules = [Response(), Remission(10), Remission(2)]
    found = multiverse(study, rules, primary=Response(), day=28, contrast=("ECT", "TMS"))
    without = multiverse(study, rules[:2], primary=Response(), day=28, contrast=("ECT", "TMS"))
    assert found.tidy()["agrees"].tolist()[:2] == without.tidy()["agrees"].tolist()
    assert found.tidy()["agrees"].isna().tolist() == [False, False, True]
    columns = [
        "proportion_agree",
        "proportion_significant",
        "proportion_joint",
        "p_any",
        "critical",
    ]
    pd.testing.assert_frame_equal(found.glance()[columns], without.glance()[columns])
