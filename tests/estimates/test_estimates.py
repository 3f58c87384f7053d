"""Estimates: limits, tests, contrasts and comparisons that follow from influence, by hand.

Two arms of four subjects with outcomes 0/1: A 1 1 1 0 (3/4), B 1 0 0 0 (1/4). The influence of a
subject on the rate of its arm is (y - p) / 4, so the variance of each rate is p q / 4 = 3/64.
"""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import norm

from trdstats.errors import NotEstimableError, SpecError, UnknownNameError
from trdstats.estimates import Estimates, estimates_of, joint
from trdstats.estimates.table import STATISTICS

Y = {"A": [1, 1, 1, 0], "B": [1, 0, 0, 0]}
WHO = [f"{arm}{i}" for arm in Y for i in range(4)]


def rates(y: dict[str, list[int]] = Y, **options: object) -> Estimates:
    arms = list(y)
    p = np.array([np.mean(v) for v in y.values()])
    influence = np.zeros((sum(map(len, y.values())), len(arms)))
    at = 0
    for k, v in enumerate(y.values()):
        influence[at : at + len(v), k] = (np.array(v) - p[k]) / len(v)
        at += len(v)
    settings: dict[str, object] = {"limits_scale": "logit", "title": "Response", **options}
    return estimates_of(
        pd.DataFrame({"measure": "rate", "treatment": arms}), p, influences=influence,
        subjects=WHO[: len(influence)], **settings,
    )  # fmt: skip


def test_rates_by_hand() -> None:
    row = rates().tidy().iloc[0]
    error = np.sqrt(3 / 64)
    assert row["estimate"] == 0.75
    assert row["std_error"] == pytest.approx(error, rel=1e-14)
    assert row["scale"] == "identity"
    half = norm.isf(0.025) * error / (0.75 * 0.25)
    assert row["conf_low"] == pytest.approx(expit(logit(0.75) - half), rel=1e-12)
    assert row["conf_high"] == pytest.approx(expit(logit(0.75) + half), rel=1e-12)
    # A rate is not tested against anything.
    assert np.isnan(row["p_value"])
    assert list(rates().tidy().columns) == ["measure", "treatment", *STATISTICS]


def test_comparisons_say_which_of_several_measures_they_compare() -> None:
    keys = pd.DataFrame({"measure": ["rate", "rate", "mean days", "mean days"],
                         "treatment": ["A", "B"] * 2})  # fmt: skip
    both = estimates_of(keys, [0.5, 0.25, 20.0, 15.0], covariance=np.diag([0.01, 0.01, 4.0, 4.0]))
    table = both.compare("treatment").tidy()
    assert list(table.columns[:4]) == ["measure", "treatment", "reference", "of"]
    assert table[["measure", "of", "estimate"]].to_numpy().tolist() == [
        ["difference", "rate", -0.25], ["difference", "mean days", -5.0]
    ]  # fmt: skip
    assert both.compare("treatment").labels() == [
        "difference B A rate", "difference B A mean days"
    ]  # fmt: skip
    assert "of" not in rates().compare("treatment").keys


def test_comparisons_by_hand() -> None:
    table = rates().compare("treatment", measures=("difference", "ratio", "odds ratio")).tidy()
    by = table.set_index("measure")
    assert by.loc["difference", "estimate"] == -0.5
    assert by.loc["difference", "std_error"] == pytest.approx(np.sqrt(6 / 64), rel=1e-14)
    assert by.loc["ratio", "estimate"] == pytest.approx(1 / 3, rel=1e-14)
    # log ratio: q / (n p) summed: 1/12 + 3/4
    assert by.loc["ratio", "std_error"] == pytest.approx(np.sqrt(1 / 12 + 3 / 4), rel=1e-13)
    assert by.loc["odds ratio", "estimate"] == pytest.approx(1 / 9, rel=1e-13)
    # log odds ratio: the sum of the reciprocals of the four cells
    assert by.loc["odds ratio", "std_error"] == pytest.approx(
        np.sqrt(1 / 3 + 1 + 1 + 1 / 3), rel=1e-13
    )
    assert by.loc["odds ratio", "scale"] == "log"
    z = np.log(1 / 9) / np.sqrt(8 / 3)
    assert by.loc["odds ratio", "statistic"] == pytest.approx(z, rel=1e-13)
    assert by.loc["odds ratio", "p_value"] == pytest.approx(2 * norm.sf(-z), rel=1e-12)
    low = np.exp(np.log(1 / 9) - norm.isf(0.025) * np.sqrt(8 / 3))
    assert by.loc["odds ratio", "conf_low"] == pytest.approx(low, rel=1e-12)
    assert (by["reference"] == "A").all()


def test_another_reference_turns_the_comparison_round() -> None:
    one = rates().compare("treatment", measures=("ratio",)).tidy()
    other = rates().compare("treatment", reference="B", measures=("ratio",)).tidy()
    assert other["estimate"][0] == pytest.approx(1 / one["estimate"][0], rel=1e-13)
    assert other["p_value"][0] == pytest.approx(one["p_value"][0], rel=1e-13)
    assert other["treatment"][0] == "A"


def test_influence_gives_the_covariance() -> None:
    found = rates().compare("treatment", measures=("difference", "odds ratio"))
    moved = found.influence().drop(columns="subject").to_numpy()
    assert np.diag(moved.T @ moved) == pytest.approx(found.std_error**2, rel=1e-12)
    assert found.influence()["subject"].tolist() == WHO


def test_a_contrast_of_ratios_is_taken_on_the_log_scale() -> None:
    names = [f"{arm}{i}" for arm in "ABC" for i in range(4)]
    y = {**Y, "C": [1, 1, 0, 0]}
    influence = (
        np.kron(np.eye(3), np.ones((4, 1)))
        * np.concatenate([(np.array(v) - np.mean(v)) / 4 for v in y.values()])[:, None]
    )
    p = [np.mean(v) for v in y.values()]
    base = estimates_of(
        pd.DataFrame({"treatment": list(y)}), p, influences=influence, subjects=names
    )
    ratios = base.compare("treatment", measures=("ratio",))
    direct = base.compare("treatment", reference="B", measures=("ratio",))
    contrast = ratios.contrast([-1, 1]).tidy().iloc[0]
    wanted = direct.tidy().query("treatment == 'C'").iloc[0]
    for column in ("estimate", "std_error", "conf_low", "p_value"):
        assert contrast[column] == pytest.approx(wanted[column], rel=1e-12)


def test_ratios_and_differences_are_not_combined() -> None:
    both = rates().compare("treatment", measures=("difference", "ratio"))
    with pytest.raises(SpecError, match="Contrast 1 combines ratios with other estimates"):
        both.contrast([1, -1])
    with pytest.raises(SpecError, match="A contrast needs 2 coefficients"):
        both.contrast([1, -1, 0])


def test_what_could_not_be_had_stays_and_says_why() -> None:
    base = rates()
    lost = estimates_of(
        base.keys, [0.75, np.nan],
        influences=np.column_stack([base.influences[:, 0], np.full(8, np.nan)]),
        subjects=WHO, reasons=["", "nobody under B was assessed"],
    )  # fmt: skip
    table = lost.compare("treatment", measures=("difference", "ratio")).tidy()
    assert table["estimate"].isna().all()
    assert table["std_error"].isna().all()
    assert set(table["reason"]) == {"nobody under B was assessed"}
    assert "B could not be estimated: nobody under B was assessed." in repr(lost)


@pytest.mark.parametrize(
    ("measure", "why"), [("ratio", "an estimate is 0"), ("odds ratio", "0 or 1")]
)
def test_a_rate_of_nought_has_no_ratio(measure: str, why: str) -> None:
    found = rates({"A": [1, 1, 1, 0], "B": [0, 0, 0, 0]})
    row = found.compare("treatment", measures=(measure,)).tidy().iloc[0]
    assert np.isnan(row["estimate"])
    assert why in row["reason"]
    # Nothing varied in B: its rate has no Wald error, and is not known exactly either.
    assert np.isnan(found.tidy()["std_error"][1])
    assert np.isnan(found.tidy()["conf_low"][1])


def test_degrees_of_freedom_are_the_fewest_of_what_is_combined() -> None:
    found = rates(df=[10, 4]).compare("treatment")
    assert found.tidy()["df"].tolist() == [4]
    # t on 4 df: 2.776 (tables)
    half = (found.tidy()["conf_high"] - found.tidy()["conf_low"])[0] / 2
    assert half / found.std_error[0] == pytest.approx(2.776, abs=5e-4)


def test_results_on_the_same_subjects_share_a_covariance() -> None:
    base = rates()
    both = joint(base, base.compare("treatment"), labels=["rates", "difference"])
    assert both.keys["result"].tolist() == ["rates", "rates", "difference"]
    # Cov(p_A, p_B - p_A) = -Var(p_A)
    assert both.covariance[0, 2] == pytest.approx(-3 / 64, rel=1e-13)
    check = both.contrast([[1, -1, 1]]).tidy().iloc[0]
    assert check["estimate"] == pytest.approx(0, abs=1e-15)


def test_subjects_that_one_result_did_not_use_add_nothing_there() -> None:
    base = rates()
    part = estimates_of(
        pd.DataFrame({"measure": ["mean"]}), [2.0], influences=np.array([[0.5], [-0.5]]),
        subjects=["A1", "new"], title="Scores",
    )  # fmt: skip
    both = joint(base, part)
    place = WHO.index("A1")
    assert both.covariance[0, 2] == pytest.approx(base.influences[place, 0] * 0.5, rel=1e-13)
    assert len(both.subjects) == 9


def test_joint_refuses_what_cannot_be_joined() -> None:
    base = rates()
    known = estimates_of(pd.DataFrame({"measure": ["x"]}), [1.0], covariance=np.eye(1), title="X")
    with pytest.raises(NotEstimableError, match="X: the covariance is not a sum over subjects"):
        joint(base, known)
    other = estimates_of(
        pd.DataFrame({"measure": ["x"]}), [1.0], influences=np.ones((1, 1)), subjects=["Z"]
    )
    with pytest.raises(NotEstimableError, match="No subject is in all results"):
        joint(base, other)
    with pytest.raises(SpecError, match="needs 2 different labels"):
        joint(base, base, labels=["a", "a"])
    with pytest.raises(SpecError, match="int has none"):
        joint(base, 3)


def test_bad_questions_are_named() -> None:
    with pytest.raises(UnknownNameError, match="Unknown treatment 'C'"):
        rates().compare("treatment", reference="C")
    with pytest.raises(UnknownNameError, match="Unknown key 'arm'"):
        rates().compare("arm")
    with pytest.raises(SpecError, match="measure must be one of"):
        rates().compare("treatment", measures=("hazard",))
    with pytest.raises(SpecError, match="needs influences of subjects or a covariance"):
        estimates_of(pd.DataFrame({"a": [1]}), [1.0])
    with pytest.raises(SpecError, match="Estimates needs 1 of everything"):
        estimates_of(pd.DataFrame({"a": [1, 2]}), [1.0], covariance=np.eye(1))


def test_it_travels_and_shows_itself() -> None:
    found = rates().compare("treatment", measures=("difference", "ratio"))
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.tidy(), found.tidy())
    text = repr(found)
    assert "Response" in text
    assert "-0.500" in text
    assert "difference" in found._repr_html_()


def test_estimates_are_picked_by_their_keys() -> None:
    found = rates().compare("treatment", measures=("difference", "ratio"))
    assert found.only(measure="ratio").keys["measure"].tolist() == ["ratio"]
    assert len(found.only(measure=["ratio", "difference"])) == 2
    with pytest.raises(UnknownNameError, match=r"Unknown measure 'rat'. Did you mean 'ratio'\?"):
        found.only(measure="rat")
    with pytest.raises(UnknownNameError, match="Unknown key 'visit'"):
        found.only(visit=7)


def test_measures_of_estimates_without_subjects_have_their_covariance() -> None:
    value, covariance = np.array([0.4, 0.6]), np.array([[0.01, 0.002], [0.002, 0.03]])
    keys = pd.DataFrame({"treatment": ["a", "b"]})
    found = estimates_of(keys, value, covariance=covariance).compare(
        measures=("difference", "ratio", "odds ratio")
    )
    J = np.array([[-1, 1], -1 / value, -1 / (value * (1 - value))])
    J[1:, 1] *= -1
    assert found.covariance == pytest.approx(J @ covariance @ J.T, abs=1e-14)
    assert found.influences is None


def test_a_covariance_that_is_not_known_is_not_0() -> None:
    V = np.array([[1.0, np.nan], [np.nan, 4.0]])
    found = estimates_of(pd.DataFrame({"visit": ["7", "28"]}), [3.0, 5.0], covariance=V, null=0.0)
    gap = found.contrast([[-1, 1], [0, 1]])
    assert gap.value.tolist() == [2.0, 5.0]
    assert np.isnan(gap.std_error[0])
    assert gap.std_error[1] == 2.0
    assert gap.reasons == ("the covariance of the estimates it combines is not known", "")
    assert np.isnan(found.contrast(np.eye(2)).covariance[0, 1])
    with pytest.raises(NotEstimableError, match="needs the covariance between estimates"):
        found.adjust("max-t")
    plain = 2 * norm.sf([3.0, 2.5])
    assert found.adjust("holm").p_value == pytest.approx([2 * plain[0], plain[1]])
