"""Arithmetic of the generator worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from trdstats.errors import SpecError
from trdstats.simulate.attrition import Latent, follow
from trdstats.simulate.chance import calibrate, draw_truncated
from trdstats.simulate.cohort import draw_class
from trdstats.simulate.covariates import draw_failed_trials
from trdstats.simulate.loss import LossLaw, rebound
from trdstats.simulate.mixture import Curves, _chain, compute_onset, compute_proportion, rate
from trdstats.simulate.parameters import Hazards, Retention
from trdstats.simulate.schedule import Schedule
from trdstats.simulate.streams import open_stream

CURVES = Curves(
    floor=np.array([0.2, 0.2]),
    fall=np.array([10.0, 10.0]),
    rise=np.array([0.0, 0.6]),
    course_end=20.0,
    rise_time=5.0,
)


def test_curve_by_hand() -> None:
    """Four days, a class that keeps its effect and one that loses it.

    Day 10 is one half-time: 0.2 + 0.8 / 2. Day 20: 0.2 + 0.8 / 4. Day 30: 0.2 + 0.8 / 8,
    and for who loses it two half-times of return: + 0.6 (1 - 1 / 4).
    """
    days = np.tile([0.0, 10.0, 20.0, 30.0], (2, 1))
    share = compute_proportion(days, np.array([0, 1]), CURVES)
    np.testing.assert_allclose(share[0], [1.0, 0.6, 0.4, 0.3], rtol=1e-14)
    np.testing.assert_allclose(share[1], [1.0, 0.6, 0.4, 0.75], rtol=1e-14)


def test_onset_is_when_the_expected_score_has_halved() -> None:
    """Half the baseline score, whatever the deviation of the person.

    With deviation 1, 0.2 + 0.8 h = 0.5 at h = 3 / 8. A deviation of 3 never gets there
    (0.2 x 3 > 0.5), one of 0.5 is there at once.
    """
    onset = compute_onset(np.array([0, 0, 0]), np.array([1.0, 3.0, 0.5]), CURVES)
    np.testing.assert_allclose(onset, [10 * np.log2(8 / 3), np.inf, 0.0], rtol=1e-14)


def test_noise_chain_by_hand() -> None:
    """Shocks 1, 2 and carry 0.6: second value 0.6 x 1 + 0.8 x 2 = 2.2."""
    np.testing.assert_allclose(
        _chain(np.array([[1.0, 2.0]]), np.array([[0.6]])), [[1.0, 2.2]], rtol=1e-14
    )


def test_rating_rounds_and_stays_on_the_scale() -> None:
    expected, noise = np.array([10.0, 3.0, 58.0]), np.array([0.6, -9.0, 7.0])
    assert rate(expected, noise).tolist() == [11, 0, 60]


def test_rebound_by_hand() -> None:
    """Lost on day 10 with half-time 5: by day 15 half the way from 0.3 to 0.9 is gone."""
    share = rebound(
        np.full((2, 2), 0.3),
        np.array([[10.0, 15.0], [10.0, 15.0]]),
        np.array([10.0, np.inf]),
        level=0.9,
        half_time=5.0,
    )
    np.testing.assert_allclose(share, [[0.3, 0.6], [0.3, 0.3]], rtol=1e-14)


def test_loss_starts_at_response_or_the_end_of_the_course() -> None:
    law = LossLaw(distribution="weibull", scale=100.0, shape=1.2, from_day=42.0)
    kept = 100 * np.random.default_rng(3).weibull(1.2, 3)
    lost = law.draw(np.array([7.0, 50.0, np.inf]), np.random.default_rng(3))
    np.testing.assert_allclose(lost, [42 + kept[0], 50 + kept[1], np.inf], rtol=1e-14)


def test_loss_law_has_its_median() -> None:
    """10 000 log-normal draws: the median lies within 3 % (2 SE of a median, sigma 1)."""
    law = LossLaw(distribution="lognormal", scale=240.0, shape=1.0, from_day=0.0)
    assert np.median(law.draw(np.zeros(10_000), np.random.default_rng(1))) == pytest.approx(
        240, rel=0.03
    )


def test_unknown_loss_law_is_refused() -> None:
    with pytest.raises(SpecError, match="weibull or lognormal; got 'gamma'"):
        LossLaw(distribution="gamma", scale=1.0, shape=1.0, from_day=0.0)


def test_calibrated_chance_keeps_its_average_and_its_odds_ratio() -> None:
    effect = np.repeat([0.0, 1.0], 50)
    p = calibrate(0.3, effect)
    assert p.mean() == pytest.approx(0.3, abs=1e-12)
    odds = p / (1 - p)
    assert odds[-1] / odds[0] == pytest.approx(np.e, rel=1e-12)
    assert calibrate(0.0, effect).max() == 0


def test_failed_trials_follow_their_shares() -> None:
    got = draw_failed_trials({2: 0.5, 4: 0.3, 7: 0.2}, np.array([0.0, 0.49, 0.5, 0.79, 0.81, 0.99]))
    assert got.tolist() == [2, 2, 4, 4, 7, 7]


def test_nobody_below_the_entry_rule() -> None:
    value = draw_truncated(
        500, np.random.default_rng(0), mean=np.full(500, 22.0), sd=5.0, low=20, high=60
    )
    assert value.min() >= 20
    assert (value == np.rint(value)).all()


def test_class_shares_come_out_as_weights() -> None:
    """40 000 draws: a share of 0.5 has a standard error of 0.0025; four of them."""
    weights = np.array([0.5, 0.0, 0.2, 0.3])
    effect = np.linspace(-1, 1, 40_000)
    group = draw_class(weights, calibrate(0.3, effect), np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(group) / 40_000, weights, atol=0.01)
    fails = group == 3
    assert effect[fails].mean() > effect[~fails].mean() + 0.1


def test_touching_windows_are_refused() -> None:
    with pytest.raises(SpecError, match="must increase and keep apart"):
        Schedule((7.0, 14.0), (3.0, 4.0))
    with pytest.raises(SpecError, match="must open after day 0"):
        Schedule((1.0,), (1.0,))


def _hazards(**changes: float) -> Hazards:
    names = Hazards.__dataclass_fields__
    return Hazards(**(dict.fromkeys(names, 0.0) | {"rescue_half_time": 14.0} | changes))


def _latent(treated: bool = True) -> Latent:
    n = 200
    days = np.tile([7.0, 14.0, 21.0], (n, 1))
    return Latent(
        days=days,
        is_scheduled=np.ones_like(days, dtype=bool),
        expected=np.full_like(days, 30.0),
        noise=np.zeros_like(days),
        baseline=np.full(n, 30.0),
        treated=np.full(n, treated),
    )


QUIET = Retention(acute_end=28, acute=0, later=0, rescue=0, switch=0, hospitalisation=0)


def test_without_hazards_everybody_is_seen() -> None:
    seen = follow(_latent(), QUIET, _hazards(), np.random.default_rng(0))
    assert seen.is_attended.all()
    assert (seen.score == 30).all()
    assert np.isinf(seen.event_day).all()


def test_dropout_has_its_hazard_and_is_final() -> None:
    """A hazard of 1 for 28 days leaves exp(-3 / 4) = 0.472 at day 21; 4 SE of n 200 = 0.14."""
    leaving = Retention(acute_end=28, acute=1, later=0, rescue=0, switch=0, hospitalisation=0)
    seen = follow(_latent(), leaving, _hazards(), np.random.default_rng(0))
    assert seen.is_attended[:, 2].mean() == pytest.approx(np.exp(-0.75), abs=0.14)
    assert (np.diff(seen.is_attended.astype(int), axis=1) <= 0).all()


def test_rescue_takes_its_share_off_the_score() -> None:
    rescued = Retention(acute_end=28, acute=0, later=0, rescue=1e6, switch=0, hospitalisation=0)
    at_once = _hazards(rescue_gain=0.5, rescue_half_time=1e-9)
    seen = follow(_latent(), rescued, at_once, np.random.default_rng(0))
    assert (seen.score[:, 1:] == 15).all()


def test_the_untreated_leave_within_two_weeks() -> None:
    seen = follow(_latent(treated=False), QUIET, _hazards(), np.random.default_rng(0))
    assert not seen.is_attended.any()
    assert seen.event_day[:, 1].min() >= 1
    assert seen.event_day[:, 1].max() <= 14


def test_streams_depend_on_names_not_on_order() -> None:
    first = open_stream(7, "modalities", "ECT", "noise").random(3)
    open_stream(7, "modalities", "a cohort added later", "noise").random(3)
    assert (open_stream(7, "modalities", "ECT", "noise").random(3) == first).all()
    assert (open_stream(7, "modalities", "TMS", "noise").random(3) != first).any()
