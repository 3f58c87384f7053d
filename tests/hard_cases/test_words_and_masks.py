"""Text for people decides nothing, messages say what is wrong, and masks name subjects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.comparison import MAIC, Effect, PublishedTrial, read_effect
from trdstats.errors import NotEstimableError, SpecError


def clinic(event: str | None = None, n: int = 120, seed: int = 0) -> trd.Study:
    rng = np.random.default_rng(seed)
    names = [f"P{i:03}" for i in range(n)]
    score = np.where(np.arange(n) % 4 < 2, 12, 27)
    rows = [
        {"subject": s, "day": d, "score": 30 if d == 0 else int(v)}
        for s, v in zip(names, score, strict=True)
        for d in (0, 14, 28)
    ]
    people = pd.DataFrame(
        {"subject": names, "treatment": np.resize(["A", "B"], n), "x": rng.normal(size=n),
         "age": rng.integers(20, 70, n)}
    )  # fmt: skip
    events = None
    if event is not None:
        some = names[::5]
        events = pd.DataFrame({"subject": some, "day": 10, "event": event})
    return trd.Study(pd.DataFrame(rows), people, events=events, scale="MADRS")


@pytest.mark.filterwarnings("ignore:`events` holds kinds")
@pytest.mark.parametrize("kind", ["fall", "loss", "response", "of", "rescue"])
def test_an_event_is_uncounted_unless_a_definition_counts_it(kind: str) -> None:
    study = clinic(kind)
    options: dict[str, Any] = {"adjust": "x", "outcomes": ("rate",), "day": 28, "tau": 28}
    found = trd.compare(study, **options).findings()
    own = found[found["check"] == "other treatment"]
    assert own["finding"].str.contains(f"no rule here counts ({kind})", regex=False).all()
    relapse = trd.LossOfResponse() | trd.Event((kind,))
    counted = trd.compare(study, relapse=relapse, **options).findings()
    assert (counted.loc[counted["check"] == "other treatment", "grade"] == "ok").all()


def test_a_rule_is_the_analysts_by_what_it_is() -> None:
    scale = trd.get_scale("MADRS")
    assert all(s.is_analysts for s in trd.Remission(at_most=13).sources(scale))
    assert not any(s.is_analysts for s in trd.Remission().sources(scale))


def test_a_covariate_called_like_a_standard_deviation() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {"subject": range(80), "treatment": "A", "load (SD)": rng.normal(4, 1, 80),
         "age": rng.normal(50, 8, 80)}
    )  # fmt: skip
    target = PublishedTrial("B", means={"load (SD)": 4.2, "age": 51.0}, sds={"age": 7.0})
    fit = MAIC(target).fit(frame)
    table = fit.tidy()
    assert table["term"].tolist() == ["load (SD)", "age", "age (SD)"]
    assert table["target"].tolist() == pytest.approx([4.2, 51.0, 7.0])
    assert table["after"].tolist() == pytest.approx([4.2, 51.0, 7.0], rel=1e-6)


def test_entropy_weights_are_tidy() -> None:
    study = clinic()
    for treated in (None, "B"):
        spec = trd.PropensityWeights("x + age", estimand="entropy", treated=treated)
        fit = spec.fit(study)
        table = fit.tidy()
        labels = ["A", "B"] if treated is None else ["A"]
        assert table["treatment"].tolist() == list(np.repeat(labels, 2))
        assert table["term"].tolist() == ["x", "age"] * len(labels)
        # The logarithm of a weight is a straight line of the covariates with these slopes.
        own = fit.weights.merge(study.subjects[["subject", "x", "age"]], on="subject")
        own = own[own["treatment"] == "A"]
        Z = np.column_stack([np.ones(len(own)), own["x"], own["age"]])
        slope = np.linalg.lstsq(Z, np.log(own["weight"]), rcond=None)[0][1:]
        assert table["estimate"].iloc[:2].tolist() == pytest.approx(slope, abs=1e-8)
        moved = fit.influence().drop(columns="subject").to_numpy()
        assert table["std_error"].to_numpy() == pytest.approx(np.sqrt((moved**2).sum(axis=0)))


def test_the_influence_of_entropy_coefficients_is_a_derivative() -> None:
    study = clinic(n=60)
    fit = trd.PropensityWeights("x", estimand="entropy").fit(study)
    moved = fit.influence()
    for i in (0, 1, 7):
        gone = study.subjects["subject"].iloc[i]
        left = study.keep(study.subjects["subject"].drop(index=study.subjects.index[i]))
        again = trd.PropensityWeights("x", estimand="entropy").fit(left)
        change = fit.tidy()["estimate"] - again.tidy()["estimate"]
        row = moved.loc[moved["subject"] == gone].drop(columns="subject").to_numpy().ravel()
        assert change.to_numpy() == pytest.approx(row, rel=0.25, abs=2e-3)


def test_the_level_of_propensity_weights_is_given() -> None:
    study = clinic()
    one, other = (
        trd.PropensityWeights("x", conf_level=c).fit(study).tidy().iloc[-1] for c in (0.95, 0.8)
    )
    assert other["conf_level"] == 0.8
    widths = [r["conf_high"] - r["conf_low"] for r in (one, other)]
    assert widths[1] / widths[0] == pytest.approx(1.2815515655 / 1.9599639845)
    with pytest.raises(SpecError, match="conf_level"):
        trd.PropensityWeights("x", conf_level=95)


def test_a_mask_keeps_the_subjects_it_names() -> None:
    study = clinic()
    people = study.subjects
    mask = people["age"] > 40
    expected = people.loc[mask, "subject"].tolist()
    assert study.keep(mask).subjects["subject"].tolist() == expected
    assert study.keep(mask.sample(frac=1, random_state=1)).subjects["subject"].tolist() == expected
    by_name = pd.Series(mask.to_numpy(), index=people["subject"].astype(str))
    assert study.keep(by_name).subjects["subject"].tolist() == expected
    with pytest.raises(SpecError, match=r"120 values True or False without an index"):
        study.keep(mask.to_numpy())
    with pytest.raises(SpecError, match=r"119 values True or False for 120 subjects.*study\.keep"):
        study.keep(mask.iloc[1:])
    with pytest.raises(SpecError, match=r"neither that of study\.subjects nor the identifiers"):
        study.keep(mask.rename(index=lambda i: i + 1000))
    with pytest.raises(NotEstimableError, match="there is nothing to analyse"):
        study.keep(mask & False)


def test_a_baseline_column_keeps_its_name_for_formulas() -> None:
    study = clinic()
    people = study.subjects.drop(columns="baseline").astype({"treatment": str})
    people["madrs_bl"] = 31.0 + np.arange(len(people)) % 5
    visits = study.visits.loc[study.visits["day"] > 0, ["subject", "day", "score"]]
    own = trd.Study(visits, people, scale="MADRS", baseline="madrs_bl")
    assert own.subjects["madrs_bl"].tolist() == own.subjects["baseline"].tolist()
    one, other = (
        trd.PropensityWeights(f"x + {name}").fit(own).weights["weight"]
        for name in ("madrs_bl", "baseline")
    )
    assert one.to_numpy() == pytest.approx(other.to_numpy(), rel=1e-12)
    onset = trd.time_to(own, trd.Response())
    fit = trd.CoxPH("treatment + madrs_bl").fit(onset)
    assert fit.tidy()["term"].tolist()[-1] == "madrs_bl"


def test_messages_say_what_is_wrong() -> None:
    study = clinic()
    one = study.only(["A"])
    onset = trd.time_to(one, trd.Response())
    with pytest.raises(SpecError, match=r"every subject has the same 'treatment' \(always A\)"):
        trd.CoxPH("treatment").fit(onset)
    with pytest.raises(NotEstimableError, match="The formula '1' names no covariate"):
        trd.PropensityWeights("1").fit(study)
    both = trd.time_to(study, trd.Response())
    with pytest.raises(NotEstimableError) as late:
        trd.RMST(tau=3).fit(both)
    assert "only([])" not in str(late.value)
    assert "Choose a later tau." in str(late.value)
    with pytest.raises(NotEstimableError) as empty:
        Effect.from_counts("A", 0, 10, "B", 0, 12, measure="risk difference")
    assert "Choose the risk difference" not in str(empty.value)
    assert "Add 1/2 to each cell" in str(empty.value)


def test_published_definitions_are_found_by_their_scale() -> None:
    found = trd.definitions.search(scale="MADRS")
    assert len(found)
    assert found["scales"].map(lambda s: not s or "MADRS" in s).all()


def test_a_treatment_called_like_a_column_of_a_design() -> None:
    row = {"hazard_ratio": 1.5, "hazard_ratio_low": 1.1, "hazard_ratio_high": 2.0}
    assert read_effect({"term": "treatment[T.dose [T.2]]", **row}).treatment == "dose [T.2]"
    both = "treatment[T.ECT]:sex[T.M]"
    assert read_effect({"term": both, **row}).treatment == both  # not "M"
