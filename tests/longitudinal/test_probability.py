"""Probabilities of response and remission from the normal distribution of a fitted model."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, norm

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError, UnknownNameError
from trdstats.longitudinal.gaussian.score_probabilities import over_baselines
from trdstats.outcomes.score_boxes import score_boxes
from trdstats.scales import get_scale

GOLDEN = Path(__file__).resolve().parents[1] / "reference" / "probability" / "values.json"
MODEL = "change ~ baseline * visit + treatment * visit"
MADRS = get_scale("MADRS")


def trial(
    n: int = 200, *, seed: int = 1, gone: float = 0.0, days: tuple[int, ...] = (7, 28),
    integers: bool = True,
) -> pd.DataFrame:  # fmt: skip
    """Return normal scores of two treatments; those who are bad leave more often."""
    rng = np.random.default_rng(seed)
    T = len(days)
    baseline = np.clip(np.round(rng.normal(32, 5, n)), 20, 50)
    arm = np.arange(n) % 2
    mean = 14 + 0.3 * (baseline - 32)[:, None] - np.arange(T) * 1.0
    mean = mean + np.array([4.0, -1.0])[arm][:, None]
    V = 64 * 0.6 ** np.abs(np.subtract.outer(np.arange(T), np.arange(T)))
    score = mean + rng.multivariate_normal(np.zeros(T), V, n)
    score = np.clip(np.round(score) if integers else score, 0, 60)
    if gone:
        # Missing at random: who scores high is more likely not to come again.
        left = rng.random(n) < gone * 2 * (score[:, 0] > np.median(score[:, 0]))
        score[left, 1:] = np.nan
    frame = pd.DataFrame(
        {
            "subject": np.repeat(np.arange(n), T),
            "treatment": np.repeat(np.array(["A", "B"])[arm], T),
            "visit": np.tile(days, n),
            "baseline": np.repeat(baseline, T),
            "score": score.ravel(),
        }
    )
    return frame.assign(change=frame["score"] - frame["baseline"])


@pytest.fixture(scope="module")
def fit() -> Any:
    return trd.MMRM(MODEL).fit(trial(gone=0.2))


def test_a_fall_of_at_least_half_with_a_random_baseline() -> None:
    golden = json.loads(GOLDEN.read_text("utf-8"))["response"]
    (mb, sb), (ms, ss), r = golden["baseline"], golden["score"], golden["correlation"]

    def boxes(baseline: Any) -> Any:
        return score_boxes(trd.Response(), MADRS, np.array([28.0]), baseline, at=[0], rounded=False)

    V = np.array([[sb**2, r * sb * ss], [r * sb * ss, ss**2]])
    (found,) = over_baselines(boxes, np.array([[mb, ms]]), V, floor=0.0, top=60.0, step=0.0)
    assert found.value[0] == pytest.approx(golden["probability"], abs=1e-9)


def test_given_the_baseline_it_is_the_mean_of_normal_tails(fit: Any) -> None:
    """P(score <= c) is Phi((c + 0.5 - m) / s), with c the largest total that is half or less."""
    found = fit.probability(trd.Response(), visit=28, scale="MADRS").tidy()
    one = fit.design.frame.drop_duplicates("subject")
    s = np.sqrt(fit.covariance.loc[28, 28])
    for treatment, estimate in zip(found["treatment"], found["estimate"], strict=True):
        rows = one.assign(treatment=treatment, visit=28)
        m = fit.predict(rows)["estimate"].to_numpy() + one["baseline"].to_numpy()
        cut = np.floor(one["baseline"].to_numpy() / 2) + 0.5
        assert estimate == pytest.approx(norm.cdf((cut - m) / s).mean(), abs=1e-12)


def test_several_visits_are_boxes(fit: Any) -> None:
    at = {"baseline": 30}
    rows = pd.DataFrame({"baseline": 30.0, "treatment": "A", "visit": [7, 28]})
    mean = fit.predict(rows)["estimate"].to_numpy() + 30
    V = fit.covariance.to_numpy()

    def p(limit: float) -> float:
        return float(multivariate_normal(mean, V, abseps=1e-12, releps=1e-12).cdf([limit, limit]))

    def first(definition: Any, **options: Any) -> float:
        table = fit.probability(definition, at=at, scale="MADRS", **options).tidy()
        return float(table.loc[table["treatment"] == "A", "estimate"].iloc[0])

    single = [
        float(norm.cdf((15.5 - m) / np.sqrt(v))) for m, v in zip(mean, np.diag(V), strict=True)
    ]
    assert first(trd.AtDays(trd.Response(), (7, 28))) == pytest.approx(p(15.5), abs=1e-9)
    assert first(trd.Sustained(trd.Response(), visits=2), visit=7) == pytest.approx(
        p(15.5), abs=1e-9
    )
    assert first(~trd.Response(), visit=7) == pytest.approx(1 - single[0], abs=1e-12)
    both = trd.Response() & trd.Remission()
    m7 = (10.5 - mean[0]) / np.sqrt(V[0, 0])
    assert first(both, visit=7) == pytest.approx(float(norm.cdf(m7)), abs=1e-12)
    curve = fit.onset_curve(trd.Response(), at=at, scale="MADRS").tidy()
    either = single[0] + single[1] - p(15.5)
    own = curve.loc[curve["treatment"] == "A", "estimate"].tolist()
    assert own == pytest.approx([single[0], either], abs=1e-9)


def test_a_model_of_scores_and_one_of_changes_agree() -> None:
    frame = trial(gone=0.2)
    # With the baseline and its interaction in the model both say the same.
    change = trd.MMRM(MODEL).fit(frame).probability(trd.Response(), scale="MADRS").tidy()
    score = trd.MMRM(MODEL.replace("change", "score")).fit(frame)
    found = score.probability(trd.Response(), scale="MADRS").tidy()
    pd.testing.assert_frame_equal(found, change, rtol=1e-6)
    named = trd.MMRM(MODEL.replace("change", "madrs")).fit(frame.assign(madrs=frame["score"]))
    with pytest.raises(SpecError, match="'madrs' may be a score or a change"):
        named.probability(trd.Response(), scale="MADRS")
    told = named.probability(trd.Response(), scale="MADRS", outcome="score").tidy()
    pd.testing.assert_frame_equal(told, found, rtol=1e-9)


def test_high_is_good_is_the_mirror_image() -> None:
    frame = trial(gone=0.2)
    mirrored = frame.assign(score=60 - frame["score"], baseline=60 - frame["baseline"])
    well = trd.scales.scale_from_mapping("WELL", {
        "name": "Mirror of the MADRS", "total": [0, 60], "direction": "higher is better",
        "source": {"citation": "a test", "certainty": "M"},
    })  # fmt: skip
    spec = trd.MMRM(MODEL.replace("change", "score"))
    low = spec.fit(frame).probability(trd.Response(), scale="MADRS")
    high = spec.fit(mirrored).probability(trd.Response(of="distance"), scale=well)
    for column in ("estimate", "std_error", "conf_low", "conf_high"):
        assert high.tidy()[column].to_numpy() == pytest.approx(low.tidy()[column].to_numpy())
    assert high.influence().iloc[:, 1:].to_numpy() == pytest.approx(
        low.influence().iloc[:, 1:].to_numpy(), abs=1e-9
    )


def test_the_error_worked_by_hand() -> None:
    """One visit, two treatments, no covariates, continuous scores: everything has a closed form.

    P_a = Phi(z) for z = (c - m_a) / s. The mean has variance s^2 / n_a, s^2 has 2 s^4 / (N - 2),
    and dz/ds^2 = -z / (2 s^2), so var P_a = phi(z)^2 (1 / n_a + z^2 / (2 (N - 2))).
    """
    frame = trial(n=90, days=(28,), integers=False)
    frame = frame[(frame["treatment"] == "A") | (frame["subject"] % 3 == 0)]
    model = trd.MMRM("score ~ treatment", ddf="satterthwaite").fit(frame)
    found = model.probability(trd.Remission(), scale="MADRS", rounded=False).tidy()
    groups = frame.groupby("treatment")["score"]
    n, mean = groups.size(), groups.mean()
    N = len(frame)
    s = np.sqrt(((frame["score"] - frame["treatment"].map(mean)) ** 2).sum() / (N - 2))
    z = (10 - mean) / s
    assert found["estimate"].to_numpy() == pytest.approx(norm.cdf(z))
    expected = norm.pdf(z) * np.sqrt(1 / n + z**2 / (2 * (N - 2)))
    assert found["std_error"].to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-6)
    # Both share the standard deviation, which makes them covary.
    difference = model.probability(trd.Remission(), scale="MADRS", rounded=False).compare()
    d = pd.Series(norm.pdf(z), index=z.index)
    slope = d["B"] * z["B"] - d["A"] * z["A"]
    variance = d["A"] ** 2 / n["A"] + d["B"] ** 2 / n["B"] + slope**2 / (2 * (N - 2))
    assert difference.std_error[0] == pytest.approx(np.sqrt(variance), rel=1e-6)


@pytest.mark.parametrize("group", [None, "treatment"])
def test_the_error_is_that_of_resampled_subjects(group: str | None) -> None:
    frame = trial(n=150, gone=0.25, seed=3)
    spec = trd.MMRM(MODEL, group=group, ddf="satterthwaite")
    both = trd.AtDays(trd.Response(), (7, 28))
    options = {"scale": "MADRS", "misfit": "caveat"}
    fitted = spec.fit(frame)
    found = np.concatenate([
        fitted.probability(d, visit=28, **options).estimates().std_error
        for d in (trd.Response(), both)
    ])  # fmt: skip
    rng = np.random.default_rng(4)
    n = frame["subject"].nunique()
    drawn = []
    for _ in range(80):
        chosen = rng.integers(0, n, n)
        rows = frame.iloc[(2 * chosen[:, None] + [0, 1]).ravel()]  # two visits a subject
        again = rows.assign(subject=np.repeat(np.arange(n), 2))
        model = spec.fit(again)
        drawn.append(np.concatenate([
            model.probability(d, visit=28, **options).estimates().value
            for d in (trd.Response(), both)
        ]))  # fmt: skip
    # 80 resamples give a standard deviation to 8 %; two and a half of its errors.
    assert found == pytest.approx(np.std(drawn, axis=0, ddof=1), rel=0.2)


def test_influences_have_the_size_of_the_error_and_join_other_results(fit: Any) -> None:
    frame = trial(gone=0.2)
    study = trd.Study(
        pd.concat([
            frame[["subject", "score"]].assign(day=frame["visit"].astype(float)),
            frame.drop_duplicates("subject")[["subject"]].assign(
                score=frame.drop_duplicates("subject")["baseline"], day=0.0
            ),
        ]).dropna(),
        frame.drop_duplicates("subject")[["subject", "treatment"]],
        scale="MADRS", windows={7: 2, 28: 3}, randomised=True,
    )  # fmt: skip
    found = trd.MMRM(MODEL).fit(study).probability(trd.Response(), visit=28)  # knows its scale
    estimates = found.estimates()
    size = np.sqrt((estimates.influences**2).sum(axis=0))
    assert size == pytest.approx(estimates.std_error, rel=0.15)
    assert estimates.influences.sum(axis=0) == pytest.approx(0.0, abs=1e-6)
    rates = trd.rates(study, trd.Response(), day=28, missing="observed").estimates()
    together = trd.joint(found, rates.only(measure="rate"), labels=["normal", "observed"])
    correlation = together.covariance / np.outer(together.std_error, together.std_error)
    assert 0.4 < correlation[0, 2] < 1.0


def test_robust_covariances_of_the_effects_are_used() -> None:
    frame = trial(n=300, gone=0.2)
    plain = trd.MMRM(MODEL, ddf="satterthwaite").fit(frame)
    robust = trd.MMRM(MODEL, ddf="satterthwaite", vcov="empirical").fit(frame)
    options = {"visit": 28, "scale": "MADRS"}
    found = robust.probability(trd.Response(), **options).estimates()
    assert found.covariance == pytest.approx(found.influences.T @ found.influences)
    assert found.value == pytest.approx(
        plain.probability(trd.Response(), **options).estimates().value
    )


def test_at_given_covariates_nothing_is_sampled(fit: Any) -> None:
    given = fit.probability(trd.Response(), visit=28, at={"baseline": 32}, scale="MADRS")
    study = fit.probability(trd.Response(), visit=28, scale="MADRS")
    madrs = {"scale": "MADRS"}
    one = fit.design.frame.drop_duplicates("subject")
    by_subject = np.array([
        fit.probability(trd.Response(), visit=28, at={"baseline": b}, **madrs)._estimates.value
        for b in one["baseline"].unique()
    ])  # fmt: skip
    spread = pd.DataFrame(by_subject, index=one["baseline"].unique()).loc[one["baseline"]]
    assert spread.mean().to_numpy() == pytest.approx(study.estimates().value)
    alike = trial(n=100).assign(baseline=32.0)
    flat = trd.MMRM("score ~ treatment * visit + baseline")
    with pytest.warns(trd.errors.EstimateWarning, match="baseline"):
        fitted = flat.fit(alike)
    both = [
        fitted.probability(trd.Response(), visit=28, at=at, scale="MADRS").tidy()
        for at in (None, {"baseline": 32})
    ]
    pd.testing.assert_frame_equal(*both, rtol=1e-9)
    assert "Every subject at  baseline 32" in repr(given)


def test_a_constrained_analysis_takes_the_baseline_as_random() -> None:
    frame = trial(n=300, gone=0.2)
    start = frame.drop_duplicates("subject").assign(visit=0)
    start["score"] = start["baseline"]
    rows = pd.concat([start, frame], ignore_index=True)
    fitted = trd.MMRM("score ~ treatment * visit", constrained=True).fit(rows)
    found = fitted.probability(trd.Response(), visit=28, scale="MADRS", rounded=False).tidy()
    V = fitted.covariance.loc[[0, 28], [0, 28]].to_numpy()
    for treatment, estimate in zip(found["treatment"], found["estimate"], strict=True):
        m = fitted.predict(pd.DataFrame({"treatment": treatment, "visit": [0, 28]}))["estimate"]
        # A score of at most half the baseline: one normal number, score - baseline / 2.
        spread = np.sqrt(V[1, 1] - V[0, 1] + V[0, 0] / 4)
        assert estimate == pytest.approx(norm.cdf((m[0] / 2 - m[1]) / spread), abs=1e-8)
    # Rounded it is near the model with the baseline as a covariate, averaged over the study.
    rounded = fitted.probability(trd.Response(), visit=28, scale="MADRS").tidy()
    covariate = trd.MMRM(MODEL).fit(frame).probability(trd.Response(), visit=28, scale="MADRS")
    assert rounded["estimate"].to_numpy() == pytest.approx(
        covariate.tidy()["estimate"].to_numpy(), abs=0.01
    )
    assert rounded["std_error"].to_numpy() == pytest.approx(
        covariate.tidy()["std_error"].to_numpy(), rel=0.1
    )
    assert fitted.probability(trd.Response(), scale="MADRS").calibration().frame["n"].min() > 50
    with pytest.raises(UnknownNameError, match="visit"):
        fitted.probability(trd.Response(), visit=0, scale="MADRS")


def test_comparisons_and_numbers_needed_to_treat(fit: Any) -> None:
    found = fit.probability(trd.Response(), visit=28, scale="MADRS")
    compared = found.compare(measures=("difference", "ratio", "odds ratio"))
    assert list(compared.keys.columns) == [
        "measure",
        "treatment",
        "reference",
        "visit",
        "definition",
    ]
    gap = np.diff(found.tidy()["estimate"])[0]
    needed = trd.number_needed_to_treat(compared)
    assert needed.tidy()["estimate"].iloc[0] == pytest.approx(1 / gap)
    assert needed.tidy()["conf_low"].iloc[0] < 1 / gap < needed.tidy()["conf_high"].iloc[0]
    assert "28" in repr(needed)
    with pytest.raises(SpecError, match="comes from a difference of proportions"):
        trd.number_needed_to_treat(found.estimates())


def test_predictions_meet_what_was_observed(fit: Any) -> None:
    found = fit.probability(trd.Response(), scale="MADRS")
    frame = found.calibration().tidy()
    assert (frame["conf_low"] < frame["predicted"]).all()
    assert (frame["predicted"] < frame["conf_high"]).all()
    raw = trial(gone=0.2).dropna()
    assert frame["assessed"].tolist() == raw.groupby(["visit", "treatment"]).size().tolist()
    met = 2 * (raw["baseline"] - raw["score"]) >= raw["baseline"]
    shares = met.groupby([raw["visit"], raw["treatment"]]).mean()
    assert frame["observed"].tolist()[:2] == pytest.approx(shares.loc[7].tolist())
    # At day 28 those who left had high scores: what they would have had lowers the proportion.
    assert (frame["observed"].to_numpy()[2:] < shares.loc[28].to_numpy()).all()
    # A subject missed at day 28 has the probability given the score at day 7.
    V, own = fit.covariance.to_numpy(), raw[raw["visit"] == 7]
    gone = own[~own["subject"].isin(raw.loc[raw["visit"] == 28, "subject"])]
    mean = [fit.predict(gone.assign(visit=v))["estimate"].to_numpy() for v in (7, 28)]
    centre = mean[1] + gone["baseline"] + V[0, 1] / V[0, 0] * (gone["change"] - mean[0])
    spread = np.sqrt(V[1, 1] - V[0, 1] ** 2 / V[0, 0])
    p = norm.cdf((np.floor(gone["baseline"] / 2) + 0.5 - centre) / spread)
    total = met[raw["visit"] == 28].sum() + p.sum()
    assert frame["observed"] @ frame["n"] - met[raw["visit"] == 7].sum() == pytest.approx(total)
    both = fit.probability(trd.AtDays(trd.Response(), (7, 28)), scale="MADRS")
    with pytest.raises(SpecError, match="is an outcome of several visits"):
        both.calibration()


def test_a_distribution_that_does_not_fit_is_refused() -> None:
    frame = trial(n=300)
    rng = np.random.default_rng(0)
    skewed = np.clip(np.round(8 * rng.exponential(1.0, len(frame)) ** 1.3), 1, 60)
    frame = frame.assign(score=np.where(frame["visit"] == 28, skewed, frame["score"]))
    fitted = trd.MMRM(MODEL.replace("change", "score")).fit(frame)
    words = r"the residuals under A at visit 28 are skewed \(\d.\d\d, p <0.001\)"
    with pytest.raises(NotEstimableError, match=words):
        fitted.probability(trd.Remission(), visit=28, scale="MADRS")
    # Of several visits only those that do not fit are refused, with the reason.
    table = fitted.probability(trd.Remission(), scale="MADRS").tidy()
    assert table["estimate"].isna().tolist() == [False, False, True, True]
    assert table["reason"].iloc[2].startswith("the normal distribution does not fit: the residuals")
    taken = fitted.probability(trd.Remission(), scale="MADRS", misfit="caveat")
    assert taken.tidy()["estimate"].notna().all()
    assert "Caveat: used although the normal distribution does not fit: the residuals" in repr(
        taken
    )
    assert "skewed" in repr(taken.compare())
    assert taken.normal_fit.problems[0].startswith("the residuals under A at visit 28")
    # Where one treatment alone does not fit, the other keeps its probability.
    only = frame.assign(
        score=np.where(frame["treatment"] == "A", trial(n=300)["score"], frame["score"])
    )
    one = trd.MMRM(MODEL.replace("change", "score"), group="treatment").fit(only)
    table = one.probability(trd.Remission(), visit=28, scale="MADRS").tidy()
    assert table["estimate"].isna().tolist() == [False, True]

    floor = frame.assign(score=np.where(rng.random(len(frame)) < 0.2, 0.0, frame["score"]))
    at_floor = trd.MMRM(MODEL.replace("change", "score")).fit(floor)
    with pytest.raises(
        NotEstimableError, match=r"% of the ratings under A at visit 7 are 0, an end"
    ):
        at_floor.probability(trd.Remission(), visit=7, scale="MADRS")


def test_what_cannot_be_known_has_a_reason(fit: Any) -> None:
    lasting = fit.probability(trd.Sustained(trd.Response(), visits=2), scale="MADRS").tidy()
    assert lasting["reason"].tolist()[:2] == ["", ""]
    assert lasting["reason"].iloc[2].startswith("ratings after the last visit of the model")
    none = fit.probability(trd.Response(points=60), visit=28, scale="MADRS").tidy()
    assert none["estimate"].tolist() == [0.0, 0.0]
    assert none["reason"].iloc[0] == "no total of the scale meets it, so it has no standard error"
    frame = trial(gone=0.2)
    frame = frame[~((frame["treatment"] == "B") & (frame["visit"] == 28))]
    with pytest.warns(trd.errors.EstimateWarning):
        part = trd.MMRM("change ~ baseline + treatment * visit").fit(frame)
    table = part.probability(trd.Response(), scale="MADRS").tidy()
    assert table["estimate"].isna().tolist() == [False, False, False, True]
    assert "no subject with treatment B was assessed at visit 28" in table["reason"].iloc[3]
    # A baseline at the floor has no per cent fall: such subjects are left out, and counted.
    low = trial(n=60)
    low.loc[low["subject"] < 3, "baseline"] = 0.0
    left = trd.MMRM(MODEL.replace("change", "score")).fit(low)
    found = left.probability(trd.Response(), visit=7, scale="MADRS", misfit="caveat")
    assert "3 subjects are left out: the definition has no meaning for a baseline" in repr(found)


def test_questions_that_are_refused(fit: Any) -> None:
    ask = fit.probability
    with pytest.raises(SpecError, match="does not say which: give probability"):
        ask(trd.Response())
    with pytest.raises(SpecError, match="asks for an event"):
        ask(trd.Relapse(at_least=22), scale="MADRS")
    with pytest.raises(UnknownNameError, match="visit"):
        ask(trd.Response(), visit=14, scale="MADRS")
    with pytest.raises(SpecError, match="visit is empty"):
        ask(trd.Response(), visit=[], scale="MADRS")
    with pytest.raises(SpecError, match="needs ratings at days 7 and 14, and the visits"):
        ask(trd.AtDays(trd.Response(), (7, 14)), scale="MADRS")
    with pytest.raises(UnknownNameError, match="arm"):
        ask(trd.Response(), treatment="arm", scale="MADRS")
    with pytest.raises(SpecError, match="misfit"):
        ask(trd.Response(), scale="MADRS", misfit="ignore")
    with pytest.raises(SpecError, match="lie outside of QIDSSR16, which runs from 0 to 27"):
        ask(trd.Response(), scale="QIDSSR16")
    frame = trial(gone=0.2)
    without = trd.MMRM("change ~ treatment * visit").fit(frame)
    with pytest.raises(SpecError, match="needs each subject's baseline, and 'baseline' is not in"):
        without.probability(trd.Response(), scale="MADRS")
    halves = trd.MMRM(MODEL.replace("change", "score")).fit(trial(integers=False))
    with pytest.raises(SpecError, match=r"are no totals of MADRS .* rounded=False"):
        halves.probability(trd.Response(), scale="MADRS")
    weighted = trd.MMRM(MODEL, rating_weights="w").fit(frame.assign(w=2.0))
    with pytest.raises(SpecError, match="The ratings are weighted"):
        weighted.probability(trd.Response(), scale="MADRS")
    texts = frame.assign(visit=frame["visit"].map({7: "first", 28: "second"}).astype("category"))
    named = trd.MMRM(MODEL).fit(texts)
    with pytest.raises(SpecError, match="asks for days, and the visits first, second do not name"):
        named.probability(trd.AtDays(trd.Response(), (7, 28)), scale="MADRS")
    plain = named.probability(trd.Response(), scale="MADRS").tidy()
    assert plain["estimate"].to_numpy() == pytest.approx(
        fit.probability(trd.Response(), scale="MADRS").tidy()["estimate"].to_numpy()
    )


def test_order_of_rows_and_names_of_subjects_change_nothing() -> None:
    frame = trial(gone=0.2)
    shuffled = frame.sample(frac=1.0, random_state=1)
    shuffled = shuffled.assign(subject="s" + (1000 - shuffled["subject"]).astype(str))
    one, other = (
        trd.MMRM(MODEL).fit(f).probability(trd.Response(), scale="MADRS").tidy()
        for f in (frame, shuffled)
    )
    pd.testing.assert_frame_equal(one, other, rtol=1e-8)


def test_it_is_drawn_pickled_and_printed(fit: Any) -> None:
    found = fit.probability(trd.Response(), scale="MADRS")
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.tidy(), found.tidy())
    text = repr(found)
    assert text.startswith("Probability of response (≥ 50 % fall), from the fitted normal")
    assert "totals 0 to 60 of MADRS" in text
    assert "200 subjects of the study" in text
    axes = found.plot()
    drawn = {line.get_label(): line for line in axes.lines}
    own = found.tidy().query("treatment == 'A'")["estimate"].tolist()
    assert any(
        np.allclose(line.get_ydata(), own) for line in drawn.values() if len(line.get_ydata()) == 2
    )
    assert fit.probability(trd.Response(), visit=28, scale="MADRS").plot() is not None
    calibration = found.calibration()
    axes = calibration.plot()
    points = np.vstack([c[0].get_xydata() for c in axes.containers])
    assert sorted(points[:, 1]) == pytest.approx(sorted(calibration.frame["observed"]))
    assert repr(calibration).startswith("Calibration: response")
    assert "Skewness" in repr(found.normal_fit)
    plt.close("all")


def test_treatments_and_visits_are_not_covariates(fit: Any) -> None:
    for ask in (fit.probability, fit.onset_curve):
        for at, words in (({"treatment": "A"}, "every level"), ({"visit": 28}, "name some by")):
            with pytest.raises(SpecError, match=words):
                ask(trd.Response(), at=at, scale="MADRS")


def test_no_calibration_where_no_probability_is_known() -> None:
    """Nobody under B was assessed at day 28."""
    frame = trial()
    gone = (frame["treatment"] == "B") & (frame["visit"] == 28)
    frame = frame.assign(change=frame["change"].mask(gone))
    with pytest.warns(trd.errors.EstimateWarning):
        model = trd.MMRM(MODEL).fit(frame)
    found = model.probability(trd.Response(), scale="MADRS")
    table = found.calibration().tidy()
    unknown = (table["treatment"] == "B") & (table["visit"] == 28)
    numbers = table[["predicted", "observed", "conf_low", "conf_high"]]
    assert numbers[unknown].isna().all(axis=None)
    assert numbers[~unknown].notna().all(axis=None)
