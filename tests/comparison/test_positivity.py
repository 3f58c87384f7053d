"""Whom a treatment never gets: levels, ranges, the population that is left, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError, EstimateWarning, NotEstimableError, SpecError

N = 400


def patients(seed: int = 4) -> pd.DataFrame:
    """Return patients of two treatments that anyone could have had."""
    rng = np.random.default_rng(seed)
    age = rng.normal(50, 12, N)
    arm = np.where(rng.random(N) < 1 / (1 + np.exp(-(age - 50) / 20)), "ECT", "TMS")
    return pd.DataFrame({"subject": np.arange(N), "treatment": arm, "age": age,
                         "site": rng.choice(["a", "b", "c"], N)})  # fmt: skip


def never(frame: pd.DataFrame, name: str, rows: Any, values: tuple[Any, Any]) -> pd.DataFrame:
    """Return the patients with a trait that nobody under TMS has."""
    rows = rows & (frame["treatment"] == "ECT")
    return frame.assign(**{name: np.where(rows, *values)})


@pytest.mark.parametrize("values", [(1, 0), ("yes", "no"), (True, False)], ids=str)
@pytest.mark.parametrize("share", [0.3, 0.01])
def test_a_trait_that_is_never_treated_is_named_and_left_out(
    share: float, values: tuple[Any, Any]
) -> None:
    # A rare trait too: no model of treatment has a maximum with it.
    rng = np.random.default_rng(0)
    frame = never(patients(), "psychotic", rng.random(N) < share, values)
    n = int((frame["psychotic"] == values[0]).sum())
    assert n > 0
    words = rf"No subject with psychotic = {values[0]} got TMS \({n} such subjects"
    with pytest.raises(NotEstimableError, match=words):
        trd.PropensityWeights("psychotic + age").fit(frame)
    fit = trd.PropensityWeights("psychotic + age", on_violation="overlap").fit(frame)
    assert fit.glance()["n_left_out"].item() == n
    assert (fit.weights.loc[frame["psychotic"] == values[0], "weight"] == 0).all()
    # The others have the same weights as if the trait were not known.
    others = frame[frame["psychotic"] == values[1]]
    alone = trd.PropensityWeights("age").fit(others).weights
    np.testing.assert_allclose(
        fit.weights.loc[frame["psychotic"] == values[1], "weight"], alone["weight"], rtol=1e-9
    )
    assert "The same for all: psychotic" in str(fit)
    table = fit.population().set_index("term")
    trait = next(t for t in table.index if t.startswith("psychotic"))
    counts = others["treatment"].value_counts()
    assert table.loc["n", "ECT, kept"] == counts["ECT"]
    # The design may code either level; who is kept has none of the trait.
    assert table.loc[trait, "ECT, kept"] == table.loc[trait, "TMS"]
    assert table.loc[trait, "ECT"] != table.loc[trait, "TMS"]


@pytest.mark.parametrize("kind", [{"estimand": "entropy"}, {"method": "balancing"},
                                  {"estimand": "att", "treated": "TMS"}], ids=str)  # fmt: skip
def test_every_kind_of_weights_finds_it(kind: dict[str, Any]) -> None:
    frame = never(patients(), "psychotic", np.arange(N) % 4 == 0, (1, 0))
    with pytest.raises(NotEstimableError, match="No subject with psychotic = 1 got TMS"):
        trd.PropensityWeights("psychotic + age", **kind).fit(frame)
    fit = trd.PropensityWeights("psychotic + age", on_violation="overlap", **kind).fit(frame)
    assert fit.violations[0].n == fit.glance()["n_left_out"].item()


def test_coded_sites_are_levels() -> None:
    frame = patients()
    frame = frame.assign(site=np.where(frame["treatment"] == "ECT", np.arange(N) % 4,
                                       np.arange(N) % 3))  # fmt: skip
    with pytest.raises(NotEstimableError, match=r"No subject with site = 3 got TMS"):
        trd.PropensityWeights("age + C(site)").fit(frame)


def test_a_range_that_a_treatment_never_reaches() -> None:
    # TMS is given up to the age of 60, as a rule.
    frame = patients()
    frame = frame[(frame["treatment"] == "ECT") | (frame["age"] <= 60)].reset_index(drop=True)
    oldest = frame.loc[frame["treatment"] == "TMS", "age"].max()
    n = int((frame["age"] > oldest).sum())
    with pytest.raises(
        NotEstimableError, match=rf"No subject with age above {oldest:g} got TMS \({n}"
    ):
        trd.PropensityWeights("age").fit(frame)
    fit = trd.PropensityWeights("age", on_violation="overlap").fit(frame)
    kept = fit.covariates.frame["age"]
    assert kept.max() == oldest
    assert len(kept) == len(frame) - n


def test_ranges_that_do_not_meet_are_found_in_any_pair() -> None:
    rng = np.random.default_rng(3)
    age = np.concatenate(
        [rng.uniform(20, 40, 60), rng.uniform(60, 80, 60), rng.uniform(20, 80, 60)]
    )
    frame = pd.DataFrame({"subject": range(180), "treatment": np.repeat(list("ABC"), 60),
                          "age": age})  # fmt: skip
    with pytest.raises(NotEstimableError, match=r"age above [\d.]+ got A(.|\n)*age below"):
        trd.PropensityWeights("age").fit(frame)
    # Only C has both ranges: nobody is left who could have had A and B.
    with pytest.raises(NotEstimableError, match=r"Who is left: A \(0\), B \(0\), C"):
        trd.PropensityWeights("age", on_violation="overlap").fit(frame)


def test_ordinary_confounding_is_no_violation() -> None:
    # Rules are told from chance by the trend within reach; 1 study in 100 or so is misjudged.
    refused = 0
    for seed in range(60):
        try:
            trd.PropensityWeights("age").fit(patients(seed))
        except NotEstimableError:
            refused += 1
    assert refused <= 3


def test_violations_built_into_the_sample_are_found() -> None:
    # sample_data/README.md: psychotic patients are in the ketamine and ECT cohorts only, VNS holds
    # nobody with fewer than four failed trials, nobody under psilocybin takes a benzodiazepine.
    study = trd.load_sample("modalities")
    with pytest.raises(NotEstimableError) as caught:
        trd.PropensityWeights("psychotic + failed_trials + benzodiazepine").fit(study)
    text = str(caught.value)
    assert (
        "psychotic = 1 got Esketamine or TMS or Psilocybin or VNS or Digital or Lifestyle" in text
    )
    assert "failed_trials below 4 got VNS" in text
    assert "benzodiazepine = 1 got Psilocybin" in text
    assert "on_violation='overlap'" in text


def test_a_covariate_that_determines_treatment_is_named() -> None:
    # The sum of two covariates decides; neither does alone, so no range is out of reach.
    rng = np.random.default_rng(8)
    x = rng.normal(size=(200, 3))
    arm = np.where(x[:, 0] + x[:, 1] > 0, "ECT", "TMS")
    frame = pd.DataFrame(x, columns=["msm", "age", "sleep"])
    frame = frame.assign(subject=range(200), treatment=arm)
    with pytest.raises(NotEstimableError, match="msm and age identify the treatment") as caught:
        trd.PropensityWeights("msm + age + sleep").fit(frame)
    assert "sleep" not in str(caught.value)


def test_entropy_names_what_cannot_be_met() -> None:
    # Within reach one by one; together the target's means lie beyond all subjects of A.
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 40, 2))
    a[:, 1] = a[:, 0] + 0.01 * rng.normal(size=40)
    b[:, 1] = -b[:, 0] + 1.5
    frame = pd.DataFrame(np.vstack([a, b]), columns=["x", "z"])
    frame = frame.assign(subject=range(80), treatment=np.repeat(["A", "B"], 40))
    with pytest.raises(
        NotEstimableError, match=r"No weights give .* means of the target, of .*[xz]"
    ):
        trd.PropensityWeights("x + z", estimand="entropy", treated="B").fit(frame)


def test_trimming_that_leaves_a_treatment_empty() -> None:
    frame = patients().assign(treatment=np.where(np.arange(N) % 20 == 7, "TMS", "ECT"))
    with pytest.raises(NotEstimableError, match=r"Nearly no subject could have had .* TMS \(0\)"):
        trd.PropensityWeights("age", trim=0.45).fit(frame)


def test_given_scores_follow_every_option() -> None:
    frame = patients()
    p = 0.2 + 0.6 * np.random.default_rng(1).random(N)
    frame = frame.assign(ect=p, tms=1 - p)
    columns = {"ECT": "ect", "TMS": "tms"}
    own = np.where(frame["treatment"] == "ECT", p, 1 - p)

    def weight(**options: Any) -> Any:
        fit = trd.PropensityWeights("age", scores=columns, **options).fit(frame)
        return fit, fit.weights["weight"].to_numpy()

    fit, w = weight()
    np.testing.assert_allclose(w, 1 / own, rtol=1e-12)
    np.testing.assert_allclose(fit.weights["score ECT"], p, rtol=1e-12)
    assert 0.4 < fit.overlap()["c_statistic"].item() < 0.6
    counts = np.random.default_rng(2).multinomial(N, np.full(N, 1 / N)).astype(float)
    np.testing.assert_array_equal(fit.reweigh()(counts), w)  # known scores do not change
    shares = frame["treatment"].map(frame["treatment"].value_counts(normalize=True)).to_numpy()
    np.testing.assert_allclose(weight(stabilised=True)[1], shares / own, rtol=1e-12)
    np.testing.assert_allclose(weight(estimand="overlap")[1], 1 - own, rtol=1e-12)
    trimmed, w = weight(trim=0.3)
    assert trimmed.trimmed == ((p < 0.3) | (p > 0.7)).sum() == (w == 0).sum() > 0
    _, w = weight(cap=0.9)
    ect = (frame["treatment"] == "ECT").to_numpy()
    assert w[ect].max() == pytest.approx(np.quantile(1 / own[ect], 0.9))
    for method in (fit.tidy, fit.influence):
        with pytest.raises(NotEstimableError, match="no model of treatment"):
            method()
    problems = frame.assign(ect=frame["ect"].where(np.arange(N) > 2, 1.0))
    problems.loc[7, "tms"] = 0.1
    with pytest.raises(DataError, match=r"3 subjects have(.|\n)*1 subject has .*sum is not 1"):
        trd.PropensityWeights("age", scores=columns).fit(problems)


def test_missing_covariates_keep_their_indicators_through_every_step() -> None:
    frame = never(patients(), "psychotic", np.arange(N) % 4 == 0, ("yes", "no"))
    frame = frame.assign(msm=np.random.default_rng(3).normal(size=N),
                         grade=pd.Categorical(frame["site"], ["c", "a", "b"]))  # fmt: skip
    frame.loc[::9, ["msm", "age"]] = np.nan
    frame.loc[::11, "grade"] = np.nan
    spec = trd.PropensityWeights("psychotic + age + msm + grade", missing="indicator",
                                 on_violation="overlap", trim=0.2)  # fmt: skip
    fit = spec.fit(frame)
    # age and msm are missing together and share an indicator; the reference of grade stays c.
    want = {"grade[T.a]", "grade[T.b]", "grade[T.missing]", "age", "msm", "age_missing"}
    assert set(fit.covariates.design.terms) == want
    assert f"{int(frame['msm'].isna().sum())} missing values of msm have an indicator." in str(fit)
    assert "grade[T.c]" in fit.balance()["term"].tolist()
    with pytest.raises(SpecError, match="would be named 'msm_missing'"):
        spec.fit(frame.assign(msm_missing=0))
    with pytest.raises(NotEstimableError, match="No subject has msm"):
        spec.fit(frame.assign(msm=np.nan))
    with pytest.raises(DataError, match=r"Covariates are infinite: age \(2\)"):
        trd.PropensityWeights("age").fit(patients().assign(age=[np.inf, -np.inf, *[1.0] * (N - 2)]))


def test_a_resample_that_loses_a_rare_trait_is_weighted_all_the_same() -> None:
    frame = patients().assign(rare=0)
    tms = frame.index[frame["treatment"] == "TMS"]
    frame.loc[[tms[0], *frame.index[frame["treatment"] == "ECT"][:3]], "rare"] = 1
    fit = trd.PropensityWeights("rare + age").fit(frame)
    counts = np.ones(N)
    counts[tms[0]], counts[tms[1]] = 0, 2
    w = fit.reweigh()(counts)
    assert np.isfinite(w[counts > 0]).all()
    rare = (frame["rare"] == 1) & (frame["treatment"] == "ECT")
    assert w[rare] == pytest.approx(1, abs=1e-4)  # they could only have had ECT


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimand": "entropy", "trim": 0.1}, "trim=... has no part"),
        ({"scores": {"A": "a"}, "method": "balancing"}, "taken as they are"),
    ],
)
def test_options_that_would_do_nothing(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        trd.PropensityWeights("age", **options)


def test_the_named_treatment_column_wins() -> None:
    frame = patients().assign(arm=lambda d: np.where(d["age"] > 50, "x", "y"))
    frame = frame.assign(age=np.random.default_rng(0).normal(size=N))
    assert trd.PropensityWeights("arm ~ age").fit(frame).covariates.labels == ("x", "y")


def test_weights_that_are_worth_little_are_named_without_a_single_culprit() -> None:
    # Overlap is poor: nobody carries a fifth, but together the subjects are worth little.
    rng = np.random.default_rng(6)
    x = rng.normal(size=4000)
    arm = np.where(rng.random(4000) < 1 / (1 + np.exp(-3.0 * x)), "ECT", "TMS")
    frame = pd.DataFrame({"subject": np.arange(4000), "treatment": arm, "x": x})
    with pytest.warns(EstimateWarning, match=r"under (TMS|ECT): subject \d+ carries .* are worth"):
        fit = trd.PropensityWeights("x", on_violation="overlap").fit(frame)
    sizes = fit.effective_size()
    assert (sizes["share"] < 0.1).any()
    assert (sizes["largest"] < 0.2).all()


def test_a_formula_that_cannot_be_read_is_refused_at_once() -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        trd.PropensityWeights("age +* sex")
    with pytest.raises(NotEstimableError, match="there is none"):
        trd.PropensityWeights("age").fit(patients().head(0))
