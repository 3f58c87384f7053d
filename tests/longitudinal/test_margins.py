"""Marginal means, contrasts and their adjustment, areas, effect sizes, the constrained model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from repeated_measures import simulated
from scipy import stats
from statsmodels.stats.multitest import multipletests

from trdstats import LMM, MMRM, Study
from trdstats.errors import SpecError, UnknownNameError
from trdstats.longitudinal import MMRMResult


@pytest.fixture(scope="module")
def three() -> MMRMResult:
    frame = simulated(n=90, T=3, seed=3)
    arm = np.array(["A", "B", "C"])[frame["subject"] % 3]
    site = np.where(frame["subject"] < 20, "north", "south")
    return MMRM("y ~ base + arm * visit + site").fit(frame.assign(arm=arm, site=site))


def test_categories_are_averaged_equally_or_by_their_share(three: MMRMResult) -> None:
    equal = three.margins("arm", by="visit").tidy()
    share = three.margins("arm", by="visit", weights="proportional").tidy()
    north = three.margins("arm", by="visit", at={"site": "north"}).tidy()
    south = three.margins("arm", by="visit", at={"site": "south"}).tidy()
    assert equal["estimate"].to_numpy() == pytest.approx(
        (north["estimate"] + south["estimate"]).to_numpy() / 2
    )
    w = (three.design.frame["site"] == "north").mean()
    assert share["estimate"].to_numpy() == pytest.approx(
        (w * north["estimate"] + (1 - w) * south["estimate"]).to_numpy()
    )
    at_zero = three.margins("arm", by="visit", at={"base": 0}).tidy()
    slope = three.tidy().set_index("term").loc["base", "estimate"]
    mean = three.design.frame["base"].mean()
    assert at_zero["estimate"].to_numpy() == pytest.approx(
        (equal["estimate"] - slope * mean).to_numpy()
    )


def test_adjustments_against_their_definitions(three: MMRMResult) -> None:
    margins = three.margins("arm", by="visit")
    plain = margins.contrasts(pairwise=True).tidy()
    for method in ("holm", "bonferroni"):
        found = margins.contrasts(pairwise=True, adjust=method).tidy()  # type: ignore[arg-type]
        for level in (7, 14, 21):
            own = plain.loc[plain["visit"] == level, "p_value"]
            expected = multipletests(own, method=method)[1]
            assert found.loc[found["visit"] == level, "p_value"].to_numpy() == pytest.approx(
                expected
            )
    tukey = margins.contrasts(pairwise=True, adjust="tukey").tidy()
    t = np.sqrt(2) * plain["statistic"].abs()
    expected = stats.studentized_range.sf(t, 3, plain["df"])
    assert tukey["p_value"].to_numpy() == pytest.approx(expected)
    # Where all pairs are compared with equal spread, the joint t law is Tukey's.
    joint = margins.contrasts(pairwise=True, adjust="mvt").tidy()
    assert joint["p_value"].to_numpy() == pytest.approx(tukey["p_value"].to_numpy(), abs=0.01)
    dunnett = margins.contrasts(reference="A", adjust="dunnett").tidy()
    single = margins.contrasts(reference="A").tidy()
    assert (dunnett["p_value"] >= single["p_value"] - 1e-3).all()
    assert (dunnett["p_value"] <= 2 * single["p_value"] + 1e-3).all()
    assert dunnett.equals(margins.contrasts(reference="A", adjust="dunnett").tidy())


def test_dunnett_against_r() -> None:
    """One visit, equal groups: the many-to-one test of Dunnett.

    R 4.2.2, multcomp 1.4-22: summary(glht(lm(y ~ arm), mcp(arm = "Dunnett")),
    adjusted("single-step", abseps = 1e-9, maxpts = 2e6)). That of scipy agrees within its draws.
    """
    rng = np.random.default_rng(12)
    groups = [rng.normal(m, 1, 15) for m in (0, 0.5, 0.9)]
    frame = pd.DataFrame(
        {"subject": range(45), "visit": 1, "arm": np.repeat(list("ABC"), 15),
         "y": np.concatenate(groups)}
    )  # fmt: skip
    fit = MMRM("y ~ arm", ddf="residual").fit(frame)
    found = fit.margins("arm").contrasts(reference="A", adjust="dunnett").tidy()
    assert found["p_value"].to_numpy() == pytest.approx([0.1456381003, 0.0088551010], rel=1e-7)


def test_contrasts_of_ones_own_and_averages(three: MMRMResult) -> None:
    margins = three.margins("arm", by="visit")
    means = margins.tidy().set_index(["visit", "arm"])["estimate"]
    own = margins.contrasts(matrix={"B and C against A": [-1, 0.5, 0.5]}).tidy()
    assert own["estimate"].iloc[0] == pytest.approx(
        (means[7, "B"] + means[7, "C"]) / 2 - means[7, "A"]
    )
    average = margins.average().tidy().set_index("arm")["estimate"]
    assert average["B"] == pytest.approx(np.mean([means[v, "B"] for v in (7, 14, 21)]))
    area = margins.area(7, 21).tidy().set_index("arm")["estimate"]
    assert area["C"] == pytest.approx(7 * (means[7, "C"] / 2 + means[14, "C"] + means[21, "C"] / 2))
    last = margins.average([0, 0, 1]).contrasts(reference="A").tidy()
    direct = margins.contrasts(reference="A").tidy().query("visit == 21")
    assert last["p_value"].tolist() == pytest.approx(direct["p_value"].tolist())


def test_effect_sizes_by_hand(three: MMRMResult) -> None:
    contrasts = three.margins("arm", by="visit").contrasts(reference="A")
    row, g = contrasts.tidy().iloc[-1], contrasts.effect_sizes().iloc[-1]
    sd = np.sqrt(three.covariance.iloc[2, 2])  # type: ignore[union-attr]
    expected = row["estimate"] / sd * (1 - 3 / (4 * row["df"] - 1))
    assert g["estimate"] == pytest.approx(expected)
    assert g["std_error"] > row["std_error"] / sd * 0.98
    with pytest.raises(SpecError, match="one covariance for all"):
        three.margins("arm").contrasts().effect_sizes()


def test_figures_and_faces(three: MMRMResult) -> None:
    margins = three.margins("arm", by="visit")
    assert margins.plot().get_ylabel() == "Adjusted mean y"
    assert margins.contrasts(reference="A").plot().get_xlabel() == "Difference of y"
    assert margins.average().plot() is not None
    text = repr(margins.contrasts(reference="A", adjust="holm"))
    assert "Adjustment  holm" in text
    assert text.splitlines()[4].split()[:2] == ["Visit", "Contrast"]
    assert "Mean (95 % CI)" in repr(margins)
    assert "<table>" in margins._repr_html_()


def test_joint_tests_of_terms(three: MMRMResult) -> None:
    by_name = three.joint_test("arm:visit")
    by_columns = three.joint_test([t for t in three.terms if t.startswith("arm") and ":" in t])
    assert by_name.equals(by_columns)
    assert three.joint_test("visit:arm").equals(by_name)
    # A redundant row counts once.
    L = np.zeros((3, len(three.terms)))
    L[0, 1], L[1, 2], L[2, 1:3] = 1, 1, 1
    assert three.joint_test(L)["df_num"].tolist() == [2]
    single = three.joint_test("base").iloc[0]
    row = three.tidy().set_index("term").loc["base"]
    assert (single["statistic"], single["df_den"]) == pytest.approx(
        (row["statistic"] ** 2, row["df"])
    )


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda f: f.margins("site", by="week"), UnknownNameError, "column of the model 'week'"),
        (lambda f: f.margins("base"), SpecError, "it has no levels"),
        (lambda f: f.margins("arm", at={"site": "east"}), UnknownNameError, "level of 'site'"),
        (lambda f: f.margins("arm", at={"age": 3}), UnknownNameError, "column of the model 'age'"),
        (lambda f: f.margins("arm", weights="cells"), SpecError, "weights must be one of"),
        (lambda f: f.margins("arm").contrasts(reference="D"), UnknownNameError, "level 'D'"),
        (lambda f: f.margins("arm").contrasts(reference="A", pairwise=True), SpecError, "Give one"),
        (lambda f: f.margins("arm").contrasts(adjust="tukey"), SpecError, "belongs to all pairs"),
        (
            lambda f: f.margins("arm").contrasts(matrix={"x": [1]}),
            SpecError,
            "needs 3 coefficients",
        ),
        (lambda f: f.margins("arm").average(), SpecError, "these means have none"),
        (lambda f: f.margins("arm").area(7, 21), SpecError, "needs means by visit"),
        (lambda f: f.margins("arm", by="visit").area(7, 20), UnknownNameError, "visit '20'"),
        (lambda f: f.margins("arm", by="visit").average([1]), SpecError, "needs 3 weights"),
        (lambda f: f.joint_test("arm:site"), UnknownNameError, "term 'arm:site'"),
        (lambda f: f.contrast([1, 0]), SpecError, "A contrast needs"),
    ],
)
def test_unusable(three: MMRMResult, make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(three)


def with_baseline(n: int = 80) -> pd.DataFrame:
    frame = simulated(n=n, T=3, seed=9)
    start = frame.drop_duplicates("subject").assign(visit=0, y=lambda d: d["base"])
    return pd.concat([start, frame], ignore_index=True).rename(columns={"arm": "treatment"})


def test_a_constrained_analysis_has_one_baseline_mean() -> None:
    frame = with_baseline()
    fit = MMRM("y ~ visit * treatment", constrained=True).fit(frame)
    gaps = fit.margins("treatment", by="visit").contrasts(reference="A").tidy()
    visit = gaps["visit"].astype(int)
    first, later = gaps[visit == 0], gaps[visit > 0]
    assert first["estimate"].tolist() == pytest.approx([0])
    assert first["df"].isna().all()
    assert (later["std_error"] > 0).all()
    # With everybody's baseline observed it is close to the model that adjusts for baseline.
    post = frame[frame["visit"] > 0]
    adjusted = MMRM("y ~ base * visit + treatment * visit").fit(post)
    other = adjusted.margins("treatment", by="visit").contrasts(reference="A").tidy()
    assert later["estimate"].to_numpy() == pytest.approx(other["estimate"].to_numpy(), abs=0.02)
    assert later["std_error"].to_numpy() == pytest.approx(other["std_error"].to_numpy(), rel=0.03)


def test_a_constrained_analysis_of_a_study_takes_its_baselines() -> None:
    frame = with_baseline().assign(
        score=lambda d: np.rint(30 + 2 * d["y"]), day=lambda d: d["visit"]
    )
    study = Study(frame[["subject", "treatment", "day", "score"]], scale="MADRS", randomised=True)
    fit = MMRM("score ~ visit * treatment", constrained=True).fit(study)
    assert fit.design.visits.tolist() == [0, 7, 14, 21]
    assert fit._model.products.n_obs == len(frame)


def test_actual_days_of_the_visits() -> None:
    """With every visit on its nominal day, actual days change nothing; shifted ones do."""
    frame = simulated(n=70)
    model = MMRM("y ~ visit + arm", covariance="sp_exp", ddf="satterthwaite")
    own = MMRM("y ~ visit + arm", covariance="sp_exp", ddf="satterthwaite", time="day")
    nominal = model.fit(frame)
    same = own.fit(frame.assign(day=frame["visit"]))
    assert same.loglik == pytest.approx(nominal.loglik, abs=1e-7)
    assert same.tidy()["df"].to_numpy() == pytest.approx(nominal.tidy()["df"].to_numpy(), rel=1e-5)
    rng = np.random.default_rng(1)
    moved = own.fit(frame.assign(day=frame["visit"] + rng.uniform(-2, 2, len(frame))))
    assert abs(moved.loglik - nominal.loglik) > 1e-3
    with pytest.raises(SpecError, match="is not used by a unstructured"):
        MMRM("y ~ visit", time="day", ddf="residual").fit(frame.assign(day=frame["visit"]))


def test_margins_of_random_effects() -> None:
    fit = LMM("y ~ base + arm", ddf="kenward-roger").fit(simulated())
    gap = fit.margins("arm").contrasts(reference="A").tidy().iloc[0]
    row = fit.tidy().set_index("term").loc["arm[T.B]"]
    assert (gap["estimate"], gap["std_error"], gap["df"]) == pytest.approx(
        (row["estimate"], row["std_error"], row["df"])
    )


def test_type_3_tests_are_those_of_sum_coding() -> None:
    """With sum-to-zero columns a term's own columns are its type III hypothesis.

    Kenward-Roger's degrees of freedom do not depend on which rows span a hypothesis.
    """
    frame = simulated(n=90, T=3, seed=3)
    frame = frame.assign(arm=np.array(["A", "B", "C"])[frame["subject"] % 3])
    plain = MMRM("y ~ base * visit + arm * visit", ddf="kenward-roger").fit(frame)
    coded = MMRM(
        "y ~ base * C(visit, contr.sum) + C(arm, contr.sum) * C(visit, contr.sum)",
        ddf="kenward-roger",
    ).fit(frame)
    found = plain.type3().set_index("term")
    assert found.index.tolist() == ["base", "visit", "arm", "base:visit", "arm:visit"]
    for term, row in found.iterrows():
        parts = str(term).split(":")
        of_size = [t for t in coded.terms if len(t.split(":")) == len(parts)]
        own = [t for t in of_size if all(any(p in q for q in t.split(":")) for p in parts)]
        joint = coded.joint_test(own).iloc[0]
        assert row["df_num"] == joint["df_num"]
        assert row["statistic"] == pytest.approx(joint["statistic"], rel=1e-6)
        assert row["df_den"] == pytest.approx(joint["df_den"], rel=1e-4)
    with pytest.raises(SpecError, match="is a transform"):
        coded.type3()


def test_means_of_visits_are_judged_together_with_their_influences(three: MMRMResult) -> None:
    margins = three.margins("arm", by="visit")
    gaps = margins.contrasts(reference="A")
    effect = three.influence().drop(columns="subject").to_numpy()
    of_gaps = gaps.influence().drop(columns="subject").to_numpy()
    assert of_gaps == pytest.approx(effect @ gaps.L.T, abs=1e-12)
    compared = margins.compare("arm", reference="A").tidy()
    by_hand = gaps.tidy()
    merged = compared.merge(by_hand, on=["visit", "arm"], suffixes=("", "_own"))
    assert len(merged) == len(by_hand) == 6
    for column in ("estimate", "std_error", "df", "p_value", "conf_low"):
        own = merged[f"{column}_own"].to_numpy()
        assert merged[column].to_numpy() == pytest.approx(own, rel=1e-8)
    # The change from day 7 to day 21 of a difference, whose df are its own, not the fewest.
    L = np.zeros(6)
    L[[0, 4]] = -1, 1
    change = gaps.contrast(L).tidy().iloc[0]
    direct = three.contrast(gaps.L[4] - gaps.L[0]).tidy().iloc[0]
    assert change["df"] == pytest.approx(direct["df"])
    assert change["p_value"] == pytest.approx(direct["p_value"])


def test_mvt_is_another_name_of_max_t(three: MMRMResult) -> None:
    margins = three.margins("arm", by="visit")
    one, other = (margins.contrasts(adjust=name).tidy() for name in ("mvt", "max-t"))
    pd.testing.assert_frame_equal(one, other)
