"""Weights for dropout: an exact answer, its influence, bias under dropout by the last score."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import trdstats as trd
from trdstats.errors import DataError, NotEstimableError, SpecError


def two_visits(seed: int = 1, n: int = 400) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Return two visits; who responds at the first stays more often, and responds again."""
    rng = np.random.default_rng(seed)
    arm, first = rng.integers(0, 2, n), (rng.random(n) < 0.4) * 1
    stays = rng.random(n) < np.where(first == 1, 0.9, 0.5)
    second = (rng.random(n) < 0.3 + 0.4 * first) * 1.0
    frame = pd.DataFrame(
        {
            "subject": np.tile(np.arange(n), 2), "visit": np.repeat([1, 2], n),
            "arm": np.tile(np.where(arm == 1, "B", "A"), 2),
            "y": np.concatenate([first, np.where(stays, second, np.nan)]),
        }
    )  # fmt: skip
    return frame, {"arm": arm, "first": first, "stays": stays, "second": second}


def test_saturated_weights_are_standardisation() -> None:
    """The share at visit 2 is the mean over visit 1 of the share among those who stayed.

    Its influence is that of the efficient estimator: m(y1) - p + r (y2 - m(y1)) / pi(y1).
    """
    frame, made = two_visits()
    weights = trd.DropoutWeights("arm * previous", score="y").fit(frame)
    spec = trd.GEE("y ~ arm * visit", corr="independence", ddf="normal")
    fit = spec.fit(frame, weights=weights)
    table = fit.margins("arm", by="visit").tidy()
    for level, name in ((0, "A"), (1, "B")):
        mine = made["arm"] == level
        cells = [mine & (made["first"] == v) for v in (0, 1)]
        mean = np.array([made["second"][c & made["stays"]].mean() for c in cells])
        stay = np.array([made["stays"][c].mean() for c in cells])
        p = sum(c.sum() * m for c, m in zip(cells, mean, strict=True)) / mine.sum()
        rest = np.where(made["stays"], made["second"] - mean[made["first"]], 0.0)
        effect = np.where(mine, mean[made["first"]] - p + rest / stay[made["first"]], 0.0)
        row = table[(table["visit"] == 2) & (table["arm"] == name)].iloc[0]
        assert row["estimate"] == pytest.approx(p, rel=1e-8)
        error = np.sqrt((effect**2).sum()) / mine.sum() / (p * (1 - p))
        assert row["std_error"] == pytest.approx(error, rel=1e-7)
    assert "standard errors include their estimation" in repr(fit)


def test_dropout_by_the_last_score_biases_shares_and_not_these() -> None:
    """Of 4,000 subjects with 0.46 responding at visit 2, those who stayed show 0.52."""
    frame, made = two_visits(seed=3, n=4_000)
    truth = made["second"].mean()
    spec = trd.GEE("y ~ visit", corr="independence")
    plain = spec.fit(frame).margins("visit").tidy()["estimate"][1]
    weights = trd.DropoutWeights("previous", score="y").fit(frame)
    weighted = spec.fit(frame, weights=weights).margins("visit").tidy()
    assert plain - truth > 0.04
    assert abs(weighted["estimate"][1] - truth) < 0.02


def test_stabilised_weights_have_mean_one() -> None:
    frame, _ = two_visits()
    plain = trd.DropoutWeights("arm * previous", score="y").fit(frame)
    stable = trd.DropoutWeights("arm * previous", numerator="arm", score="y").fit(frame)
    last = stable.weights[stable.weights["visit"] == 2]
    assert last["weight"].mean() == pytest.approx(1, abs=0.01)
    assert plain.weights["weight"].min() == 1
    # In a model that holds the numerator's covariates they cancel.
    spec = trd.GEE("y ~ arm * visit", corr="independence")
    one, other = (spec.fit(frame, weights=w).tidy() for w in (plain, stable))
    pd.testing.assert_frame_equal(one, other, rtol=1e-6)


def test_model_of_staying() -> None:
    """Five of six stay until visit 2, three of five until visit 3; a gap is no dropout."""
    y = {"A": [0, 0, 0], "B": [0, np.nan, 1], "C": [0, 1, np.nan], "D": [0, np.nan, np.nan],
         "E": [1, 1, np.nan], "F": [1, 1, 1]}  # fmt: skip
    frame = pd.DataFrame(
        [(s, v, value) for s, row in y.items() for v, value in zip((1, 2, 3), row, strict=True)],
        columns=["subject", "visit", "y"],
    )
    fit = trd.DropoutWeights("visit", score="y").fit(frame)
    # At visit 2 five of six stay (B comes back at 3), at visit 3 three of five.
    beta = fit.tidy()["estimate"].to_numpy()
    assert expit(beta[0]) == pytest.approx(5 / 6)
    assert expit(beta.sum()) == pytest.approx(3 / 5)
    weight = fit.weights.set_index(["subject", "visit"])["weight"]
    assert weight["A", 3] == pytest.approx(6 / 5 * 5 / 3)
    assert ("D", 2) not in weight.index
    assert "Left before the last visit  3" in repr(fit)


def test_what_does_not_fit() -> None:
    frame, _ = two_visits()
    weights = trd.DropoutWeights("previous", score="y").fit(frame)
    with pytest.raises(SpecError, match="need corr='independence'"):
        trd.GEE("y ~ arm").fit(frame, weights=weights)
    other = frame.assign(subject=frame["subject"] + 5)
    with pytest.raises(DataError, match="have no weight: the weights were made from other rows"):
        trd.GEE("y ~ arm", corr="independence").fit(other, weights=weights)
    with pytest.raises(NotEstimableError, match="No subject left"):
        trd.DropoutWeights("arm", score="y").fit(frame.fillna(0.0))
    always = frame["y"].mask((frame["arm"] == "B") & (frame["visit"] == 2), 1.0)
    with pytest.raises(NotEstimableError, match="predicted without error"):
        trd.DropoutWeights("arm", score="y").fit(frame.assign(y=always))
    with pytest.raises(SpecError, match="changes between visits"):
        trd.DropoutWeights("x", score="y").fit(frame.assign(x=range(len(frame))))
    with pytest.raises(NotEstimableError, match="lack a covariate"):
        trd.DropoutWeights("x", score="y").fit(frame.assign(x=np.nan))
    with pytest.raises(SpecError, match="days= needs a Study"):
        trd.DropoutWeights("arm", score="y").fit(frame, days=[1])


def test_who_was_never_assessed_left_before_the_first_visit() -> None:
    """Of the 270 subjects of the sample trial 37 left, 10 of them before any visit."""
    study, days = trd.load_sample("trial"), [7, 14, 21, 28]
    weights = trd.DropoutWeights("treatment + visit + previous").fit(study, days=days)
    assert len(weights.subjects) == 270
    assert int((weights.at_risk & ~weights.stays).sum()) == 37
    assert int((weights.at_risk & ~weights.stays).reshape(270, 4)[:, 0].sum()) == 10
    assert weights.weights["weight"].min() > 1
    fit = trd.GEE("response ~ treatment * visit", corr="independence").fit(
        study, outcome=trd.Response(), days=days, weights=weights
    )
    assert fit.design.unrated == 10
    assert len(fit.influence()) == 270


def test_a_visit_that_nobody_attended_is_none() -> None:
    frame, _ = two_visits()
    spec = trd.DropoutWeights("arm * previous", score="y")
    plain = spec.fit(frame).tidy()
    unused = frame.assign(visit=pd.Categorical(frame["visit"], categories=[1, 2, 3]))
    empty = pd.concat([frame, frame[frame["visit"] == 2].assign(visit=3, y=np.nan)])
    for table in (unused, empty):
        fit = spec.fit(table)
        pd.testing.assert_frame_equal(fit.tidy(), plain)
        assert fit.visits.tolist() == [1, 2]


def test_rows_that_are_of_no_one_visit_are_refused() -> None:
    frame, _ = two_visits()
    spec = trd.DropoutWeights("arm * previous", score="y")
    here = frame.index == 3
    for column in ("visit", "subject"):
        with pytest.raises(DataError, match="1 row has no subject or no visit"):
            spec.fit(frame.assign(**{column: frame[column].mask(here)}))
    with pytest.raises(DataError, match="2 rows repeat a subject and visit"):
        spec.fit(pd.concat([frame, frame.iloc[:2]], ignore_index=True))
    with pytest.raises(DataError, match="'y' must hold finite numbers; 1 row does not"):
        spec.fit(frame.assign(y=frame["y"].astype(object).mask(here, "missed")))
