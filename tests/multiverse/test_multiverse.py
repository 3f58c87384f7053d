"""One comparison in many universes: each as it would be alone, all as one family."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import (
    RMST,
    EarlyImprovement,
    Estimate,
    Relapse,
    Remission,
    Response,
    Study,
    Sustained,
    Universe,
    change_from_baseline,
    definitions,
    multiverse,
    rates,
    time_to,
)
from trdstats.errors import DataWarning, NotEstimableError, SpecError, UnknownNameError

PAIR = ("ECT", "TMS")
RULES = [Response(), Response(0.4), Remission(10), Remission(12), Sustained(Response(), visits=2)]


def run(trial: Study, **options: Any) -> Any:
    settings: dict[str, Any] = {"primary": Response(), "day": 28, "contrast": PAIR, "draws": 20_000}
    given = settings | options
    return multiverse(trial, given.pop("definitions", RULES), **given)


def test_every_universe_is_the_comparison_alone(trial: Study) -> None:
    found = run(trial, missing=["nonresponse", "observed"]).tidy()
    assert len(found) == 10
    for row in found.itertuples():
        rule = next(r for r in RULES if r.label(trial.scale) == row.definition)
        alone = rates(
            trial, rule, day=28, missing=row.missing, reference="TMS", difference="wald"
        ).tidy()
        alone = alone[(alone["measure"] == "difference") & (alone["treatment"] == "ECT")].iloc[0]
        columns = ["estimate", "std_error", "conf_low", "conf_high"]
        assert [getattr(row, c) for c in columns] == pytest.approx(
            alone[columns].tolist(), rel=1e-12
        )


def test_the_primary_universe_comes_first_and_is_marked(trial: Study) -> None:
    found = run(trial, primary=Remission(12), missing=["observed", "locf"]).tidy()
    assert found["is_primary"].tolist() == [True] + [False] * 9
    assert found["definition"].iloc[0] == "remission (MADRS ≤ 12)"
    assert found["missing"].iloc[0] == "observed"


def test_covariance_of_universes_is_the_cross_product_of_influences(trial: Study) -> None:
    universe = run(trial)
    influence = universe.influence().drop(columns="subject").to_numpy()
    error = np.sqrt(np.diag(influence.T @ influence))
    assert error == pytest.approx(universe.tidy()["std_error"].tolist(), rel=1e-12)
    assert influence.sum(axis=0) == pytest.approx(0, abs=1e-12)


def test_joint_inference_is_wider_and_never_wider_than_bonferroni(trial: Study) -> None:
    found = run(trial).tidy()
    assert (found["p_joint"] >= found["p_value"] - 0.01).all()  # Monte Carlo error
    assert (found["p_joint"] <= 5 * found["p_value"] + 0.01).all()
    assert (found["joint_low"] < found["conf_low"]).all()
    assert run(trial).tidy().equals(found)  # the seed is fixed


def test_agreement_counts_conclusions(trial: Study) -> None:
    """Two universes conclude for ECT, one finds nothing, one cannot be estimated."""
    values = {"a": 0.3, "b": 0.2, "c": 0.05}

    def estimate(universe: Universe) -> Estimate:
        label = universe.definition.label(universe.study.scale)
        if label not in values:
            raise NotEstimableError("too few.")
        n = len(universe.study.subjects)
        return Estimate(values[label], np.full(n, 0.05 / np.sqrt(n)))

    class Named(Response):
        def label(self, scale: Any = None) -> str:
            return {0.5: "a", 0.4: "b", 0.3: "c", 0.2: "d"}[self.reduction]

    rules = [Named(share) for share in (0.5, 0.4, 0.3, 0.2)]
    universe = run(trial, definitions=rules, primary="a", estimate=estimate)
    assert universe.tidy()["agrees"].tolist() == [True, True, False, pd.NA]
    assert universe.tidy()["reason"].tolist() == ["", "", "", "too few"]
    glance = universe.glance().iloc[0]
    assert (glance["n"], glance["n_estimated"]) == (4, 3)
    assert glance["proportion_agree"] == pytest.approx(2 / 3)
    assert (glance["proportion_same_sign"], glance["proportion_significant"]) == (
        1.0,
        pytest.approx(2 / 3),
    )
    assert (glance["median"], glance["lowest"], glance["highest"]) == (0.2, 0.05, 0.3)


def test_restricted_means(trial: Study) -> None:
    found = run(trial, definitions=RULES[:2], estimate="rmst").tidy()
    alone = RMST(tau=28, reference="TMS").fit(time_to(trial, Response()).only(list(PAIR))).tidy()
    alone = alone[alone["measure"] == "difference"].iloc[0]
    assert found["estimate"].iloc[0] == pytest.approx(alone["estimate"], rel=1e-12)
    # The curve's variance is Greenwood's: the influences give it to order 1 / n.
    assert found["std_error"].iloc[0] == pytest.approx(alone["std_error"], rel=0.01)


def test_log_odds_ratio_by_hand() -> None:
    """6 of 10 against 3 of 10: log(1.5 / (3/7)), variance 1/6 + 1/4 + 1/3 + 1/7 (Woolf)."""
    met = [1] * 6 + [0] * 4 + [1] * 3 + [0] * 7
    visits = pd.DataFrame(
        {"subject": list(range(20)) * 2, "treatment": (["ECT"] * 10 + ["TMS"] * 10) * 2,
         "day": [0] * 20 + [28] * 20, "score": [30] * 20 + [10 if m else 30 for m in met]}
    )  # fmt: skip
    study = Study(visits, scale="MADRS")
    row = run(study, definitions=[Response()], estimate="log odds ratio").tidy().iloc[0]
    assert row["estimate"] == pytest.approx(np.log(1.5 / (3 / 7)))
    assert row["std_error"] == pytest.approx(np.sqrt(1 / 6 + 1 / 4 + 1 / 3 + 1 / 7))
    assert (row["outcome"], row["outcome_reference"], row["n"]) == (0.6, 0.3, 10)
    with pytest.raises(NotEstimableError, match="a rate is 0 or 1"):
        run(study, definitions=[Remission(5)], primary=Remission(5), estimate="log odds ratio")


def test_an_estimate_of_ones_own(trial: Study) -> None:
    """The difference of mean changes, with its influences, equals the two-sample z test."""

    def mean_change(universe: Universe) -> Estimate:
        table = change_from_baseline(universe.study, universe.day)
        effect = pd.Series(0.0, index=universe.study.subjects["subject"].astype(object))
        means = []
        for sign, arm in ((1, universe.treatment), (-1, universe.reference)):
            own = table[table["treatment"] == arm].set_index(
                table.loc[table["treatment"] == arm, "subject"].astype(object)
            )["change"]
            means.append(own.mean())
            effect[own.index] = sign * (own - own.mean()) / len(own)
        return Estimate(means[0] - means[1], effect.to_numpy())

    row = run(trial, definitions=[Response()], estimate=mean_change)
    table = change_from_baseline(trial, 28)
    ect, tms = (table.loc[table["treatment"] == arm, "change"] for arm in PAIR)
    assert row.title == "mean change"
    assert row.tidy()["estimate"].iloc[0] == pytest.approx(ect.mean() - tms.mean())
    spread = ect.var(ddof=0) / len(ect) + tms.var(ddof=0) / len(tms)
    assert row.tidy()["std_error"].iloc[0] == pytest.approx(np.sqrt(spread))


def test_baseline_rules_and_windows_by_hand() -> None:
    """Screening 40, day 0 30: a score of 20 is half of the first, 15 half of the last.

    Half of the mean (35) is 17.5; the visit of day 31 counts for day 28 in the wide window.
    """
    rows = []
    for k, (day, score) in enumerate([(28, 20), (28, 17), (31, 15), (28, 30)] * 2):
        arm = "ECT" if k < 4 else "TMS"
        score = score if k < 4 else 30
        rows += [(k, arm, -7, 40), (k, arm, 0, 30), (k, arm, day, score)]
    visits = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    study = Study(visits, scale="MADRS", windows={28: 2})
    found = run(
        study,
        definitions=[Response()],
        baseline=["last", "first", "mean", "worst"],
        windows={"narrow": {28: 2}, "wide": {28: 3}},
    ).tidy()
    rate = found.set_index(["baseline", "windows"])["outcome"]
    assert rate.to_dict() == {
        ("last", "narrow"): 0.0, ("last", "wide"): 0.25,
        ("first", "narrow"): 0.5, ("first", "wide"): 0.75,
        ("mean", "narrow"): 0.25, ("mean", "wide"): 0.5,
        ("worst", "narrow"): 0.5, ("worst", "wide"): 0.75,
    }  # fmt: skip


def test_names_of_published_definitions_and_own_labels(trial: Study) -> None:
    found = run(trial, definitions=["remission_madrs_10", "response"], primary="response")
    assert found.tidy()["definition"].tolist() == [
        "response (conventional)", definitions["remission_madrs_10"].name,
    ]  # fmt: skip
    own = run(trial, definitions={"half": Response(), "less": Response(0.4)}, primary="less")
    assert own.tidy()["definition"].tolist() == ["less", "half"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"primary": Response(0.3)}, SpecError, "is not among definitions"),
        ({"primary": "respons"}, UnknownNameError, "primary definition 'respons'"),
        ({"definitions": []}, SpecError, "at least one definition"),
        ({"definitions": Response()}, SpecError, "must be a list of definitions"),
        ({"definitions": [Response(), Response()]}, SpecError, "Two definitions have the label"),
        ({"definitions": [3]}, SpecError, "An outcome is a definition"),
        ({"definitions": [Relapse(22)], "primary": Relapse(22)}, SpecError, "is an event"),
        ({"contrast": None}, SpecError, "contrast must name the treatment and its reference"),
        ({"contrast": ("ECT", "ECT")}, SpecError, "must name two treatments"),
        ({"contrast": ("ECT", "TNS")}, UnknownNameError, "Did you mean 'TMS'"),
        ({"estimate": "ratio"}, SpecError, "estimate must be one of"),
        ({"estimate": lambda u: 1.0}, SpecError, "must be an Estimate"),
        ({"missing": ["observed", "observed"]}, SpecError, "Choices must differ"),
        ({"missing": "LOCF"}, SpecError, "Did you mean 'locf'"),
        (
            {"missing": ["observed", "locf"], "estimate": "rmst"},
            SpecError,
            "has no effect on 'rmst'",
        ),
        ({"baseline": "screening"}, SpecError, "baseline rule must be one of"),
        ({"day": 27}, UnknownNameError, "No visit is scheduled at day 27"),
        ({"conf_level": 95}, SpecError, "conf_level must lie between"),
    ],
)
def test_unusable(
    trial: Study, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(trial, **options)


def test_the_face(trial: Study) -> None:
    text = repr(run(trial, definitions=RULES[:2]))
    assert text.splitlines()[0] == "Difference of rates in 2 universes"
    assert "Comparison       ECT v TMS" in text
    assert "Primary          response (≥ 50 % fall): " in text
    assert "Same conclusion" in text
    assert "independent tests." in text
    many = run(trial, missing=["nonresponse", "observed", "locf"])
    assert "3 more universes: see tidy()." in repr(many)
    assert "<table>" in many._repr_html_()


def _thin(n_late: int = 18) -> Study:
    """Return two arms of 20: all come about day 28, two of each on the very day."""
    days = [28 if k % 20 < 20 - n_late else 26 + k % 2 for k in range(40)]
    rows = [
        (f"S{k:02d}", "AB"[k // 20], d, 30 if d == 0 else 10 + 12 * (k % 3 > 0))
        for k in range(40)
        for d in (0, 14, days[k])
    ]
    return Study(
        pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"]), scale="MADRS"
    )


def test_a_day_that_few_reach_is_said_once_and_counted() -> None:
    study = _thin()
    words = r"Under A, B 40 were assessed between day 25 and 31, 4 on day 28"
    settings: dict[str, Any] = {"primary": Response(), "contrast": ("B", "A"), "draws": 2000}
    rules = [Response(), Response(0.4)]
    with pytest.warns(DataWarning, match=words) as said:
        found = multiverse(study, rules, day=[28, 14], missing=["nonresponse", "observed"],
                           **settings)  # fmt: skip
    assert len(said) == 1
    assert [p.kind for p in found.notices] == ["day_few_reach"]
    assert "This limits 4 of 8 universes." in str(found)
    assert "Give windows" in str(found)
    wide = {"of the study": None, "three days": {14: 3, 28: 3}}
    with pytest.warns(DataWarning, match=r"This limits 2 of 4 universes"):
        multiverse(study, rules, day=28, windows=wide, **settings)  # type: ignore[arg-type]
    assert not multiverse(study, rules, day=14, **settings).notices
    # The horizon of a restricted mean need be no day on which anybody came.
    assert not multiverse(study, rules, day=27, estimate="rmst", **settings).notices


@pytest.mark.parametrize("estimate", ["difference", "rmst"])
def test_a_definition_the_visits_cannot_show_is_said_once(estimate: Any) -> None:
    study = _thin(0)
    rules = [Response(), EarlyImprovement(by_day=2)]
    with pytest.warns(DataWarning, match=r"a rating by day 2; 100 % .* 1 of 2 universes") as said:
        found = multiverse(
            study, rules, primary=Response(), day=28, contrast=("B", "A"), estimate=estimate,
            draws=2000,
        )  # fmt: skip
    assert len(said) == 1
    assert [p.kind for p in found.notices] == ["schedule_cannot_show"]
