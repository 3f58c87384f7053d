"""Times carried beyond the data: closed forms, lifelines, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError, NotEstimableError, SpecError, UnknownNameError
from trdstats.kernels.parametric.censored_times import CensoredTimes
from trdstats.kernels.parametric.flexible import PiecewiseConstant, Spline, fit_flexible

DAYS = np.array([5.0, 30.0, 90.0, 400.0])


def sample(n: int = 200, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    time, end = rng.weibull(0.8, n) * 100, rng.uniform(30, 200, n)
    return np.minimum(time, end), time <= end


def table(**columns: object) -> pd.DataFrame:
    time, event = sample()
    arm = np.where(np.arange(len(time)) % 2, "ECT", "TMS")
    plain = {"subject": np.arange(len(time)), "treatment": arm, "time": time}
    return pd.DataFrame({**plain, "status": event.astype(int), **columns})


def known(interval: bool) -> CensoredTimes:
    time, event = sample()
    left = np.where(event & interval, np.maximum(time - 7, 0), time)
    return CensoredTimes.of(left, np.where(event, time, np.inf), np.zeros(len(time)))


@pytest.mark.parametrize("interval", [False, True])
def test_flexible_curves_are_those_of_lifelines(interval: bool) -> None:
    lifelines = pytest.importorskip("lifelines")
    time, event = sample()
    times = known(interval)
    breaks = [30.0, 60.0]
    ours = fit_flexible(PiecewiseConstant(np.array(breaks)), times, np.full(3, -np.log(100.0)))
    theirs = lifelines.PiecewiseExponentialFitter(breaks)
    start = np.full(3, 100.0)  # from its own start lifelines ends far from the maximum
    if interval:
        theirs.fit_interval_censoring(
            np.exp(times.log_left), np.exp(times.log_right), initial_point=start
        )
    else:
        theirs.fit(time, event, initial_point=start)
    assert ours is not None
    assert ours.loglik >= theirs.log_likelihood_ - 1e-9
    curve = np.exp(-PiecewiseConstant(np.array(breaks)).hazard(ours.theta, DAYS))
    at = theirs.survival_function_at_times(DAYS).to_numpy()
    assert curve == pytest.approx(at, abs=1e-4)  # lifelines stops early
    if interval:
        return
    knots = np.quantile(time[event], [0, 0.5, 1])
    weibull = lifelines.WeibullFitter().fit(time, event)
    shape = weibull.rho_
    start = np.array([-shape * np.log(weibull.lambda_), shape, 0.0])
    spline = lifelines.SplineFitter(knots).fit(time, event, initial_point=start)
    fit = fit_flexible(Spline(np.log(knots)), times, start)
    assert fit is not None
    assert fit.loglik >= spline.log_likelihood_ - 1e-9
    curve = np.exp(-Spline(np.log(knots)).hazard(fit.theta, DAYS))
    assert curve == pytest.approx(spline.survival_function_at_times(DAYS).to_numpy(), abs=1e-4)


@pytest.mark.parametrize("interval", [False, True])
@pytest.mark.parametrize("family", ["spline", "piecewise"])
def test_scores_and_information_are_derivatives(family: str, interval: bool) -> None:
    from trdstats.kernels.parametric.flexible import _Known, _surface

    form = Spline(np.log([5.0, 60.0, 180.0])) if family == "spline" else (
        PiecewiseConstant(np.array([30.0, 60.0]))
    )  # fmt: skip
    start = np.array([-4.2, 1.0, 0.001]) if family == "spline" else np.array([-4.4, -4.6, -5.0])
    data = _Known.of(known(interval))
    here = _surface(form, data, start)
    assert here is not None
    for j in range(3):
        step = np.eye(3)[j] * 1e-6
        up, down = (_surface(form, data, start + s * step) for s in (1, -1))
        assert up is not None
        assert down is not None
        slope = (up.loglik - down.loglik) / 2e-6
        assert here.score[j] == pytest.approx(slope, rel=1e-5, abs=1e-4)
        bend = -(up.score - down.score) / 2e-6
        assert here.information[j] == pytest.approx(bend, rel=1e-5, abs=1e-2)


def test_exponential_by_hand() -> None:
    frame = table()
    own = frame[frame["treatment"] == "TMS"]
    rate = own["status"].sum() / own["time"].sum()
    found = trd.Extrapolation(horizons=(365, 730), families=("exponential",)).fit(frame)
    rows = found.tidy()
    rows = rows[(rows["treatment"] == "TMS") & (rows["family"] == "exponential")]
    means = [(1 - np.exp(-rate * h)) / rate for h in (365, 730)]
    assert rows["estimate"].tolist() == pytest.approx(means, rel=1e-7)
    # d mean / d log rate, times 1 / sqrt(events).
    slope = [np.exp(-rate * h) * h - m for h, m in zip((365, 730), means, strict=True)]
    errors = np.abs(slope) / np.sqrt(own["status"].sum())
    assert rows["std_error"].tolist() == pytest.approx(errors.tolist(), rel=1e-5)
    fits = found.fits().set_index("treatment").loc["TMS"]
    loglik = own["status"].sum() * np.log(rate) - rate * own["time"].sum()
    assert fits["aic"] == pytest.approx(2 - 2 * loglik)
    assert (found.tidy()["conf_high"] <= found.tidy()["horizon"]).all()


def test_average_weights_and_expert_limits() -> None:
    found = trd.Extrapolation(horizons=(1000,)).fit(table())
    for name in ("TMS", "ECT"):
        weights = found.weights(name)
        assert sum(weights.values()) == pytest.approx(1)
        rows = found.tidy().set_index(["treatment", "family"])["estimate"].loc[name]
        mean = sum(weights[f] * rows[f] for f in weights)
        assert rows["average"] == pytest.approx(mean)
    limited = trd.Extrapolation(horizons=(1000,), plausible={1000: (0.0, 0.01)}).fit(table())
    fits = limited.fits()
    out = fits["reason"].str.contains("is not plausible")
    assert out.any()
    assert not out.all()
    assert (fits.loc[out, "weight"] == 0).all()
    none = trd.Extrapolation(horizons=(1000,), plausible={1000: (0.98, 0.99)}).fit(table())
    row = none.tidy().query("family == 'average'")
    assert row["estimate"].isna().all()
    assert set(row["reason"]) == {"no family is left for an average"}


def test_background_deaths_take_days() -> None:
    frame = table(age=40.0)
    rates = pd.DataFrame({"age": [0, 41], "rate": [0.0, 0.5]})
    spec = {"horizons": (365.25, 730.5), "families": ("exponential",)}
    plain = trd.Extrapolation(**spec).fit(frame).at([365.25, 730.5])
    both = trd.Extrapolation(**spec, background=rates).fit(frame).at([365.25, 730.5])
    factor = (both["estimate"] / plain["estimate"]).tolist()
    assert factor == pytest.approx([1, np.exp(-0.5)] * 2)
    one = trd.Extrapolation(**spec).fit(frame).tidy()["estimate"]
    other = trd.Extrapolation(**spec, background=rates).fit(frame).tidy()["estimate"]
    assert (other <= one + 1e-9).all()
    assert other.tolist()[1] < one.tolist()[1]


def test_contrasts_and_influence_of_one_family() -> None:
    found = trd.Extrapolation(horizons=(365,), families=("weibull",)).fit(table())
    one = found.estimates("weibull")
    assert one.influence()["subject"].is_unique
    squares = (one.influence().drop(columns="subject") ** 2).sum().to_numpy()
    assert np.sqrt(squares) == pytest.approx(one.std_error, rel=0.15)  # sandwich and information
    difference = one.compare("treatment").tidy()
    assert difference["estimate"].item() == pytest.approx(np.diff(one.value).item())


def test_what_cannot_be_carried_on() -> None:
    # All events on two days: neither knots nor breaks have room.
    frame = table()
    day = np.where(frame.index % 3, 10, 20)
    two = frame.assign(time=np.where(frame["status"] == 1, day, 90))
    found = trd.Extrapolation(horizons=(365,)).fit(two)
    reasons = found.fits().set_index("family")["reason"]
    assert set(reasons[["spline", "piecewise exponential"]]) == {"events on fewer than 3 days"}
    none = table().assign(status=lambda f: np.where(f["treatment"] == "ECT", 0, f["status"]))
    fits = trd.Extrapolation(horizons=(365,)).fit(none).fits().set_index("treatment")
    assert set(fits.loc["ECT", "reason"]) == {"no subject had the event"}
    assert fits.loc["ECT", "loglik"].isna().all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"horizons": ()}, "positive numbers of days"),
        ({"horizons": (-1,)}, "positive numbers of days"),
        ({"families": ("gompertz",)}, "gompertz"),
        ({"knots": 0}, "1 or above; got 0"),
        ({"plausible": {365: (0.5, 0.2)}}, "two proportions in order"),
    ],
)
def test_arguments(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        trd.Extrapolation(**arguments)


def test_malformed_background() -> None:
    def fit(rates: object, frame: pd.DataFrame | None = None) -> None:
        trd.Extrapolation(background=rates).fit(table(age=40.0) if frame is None else frame)

    with pytest.raises(DataError, match="no column 'rate'"):
        fit(pd.DataFrame({"age": [0]}))
    with pytest.raises(DataError, match="no increasing numbers") as caught:
        fit(pd.DataFrame({"age": [50, 0], "rate": [0.1, -1]}))
    assert "missing, negative or no number" in str(caught.value)
    with pytest.raises(DataError, match="below the youngest band"):
        fit(pd.DataFrame({"age": [65], "rate": [0.1]}))
    with pytest.raises(UnknownNameError, match="'age'"):
        fit(pd.DataFrame({"age": [0], "rate": [0.1]}), table())
    # Nobody lived to the first horizon.
    with pytest.raises(DataError, match="above 1 death per person-year") as caught:
        fit(pd.DataFrame({"age": [0, 50], "rate": [0.9, 4.5]}))
    assert "per 100, 1,000 or 100,000 persons are to be divided" in str(caught.value)
    with pytest.raises(DataError, match="missing, above 120, or below"):  # a code, or days
        fit(pd.DataFrame({"age": [0, 50], "rate": [0.001, 0.005]}), table(age=999.0))


def test_handed_on_to_lifelines() -> None:
    lifelines = pytest.importorskip("lifelines")
    onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    frame = onset.to_lifelines()
    fitter = lifelines.KaplanMeierFitter().fit(frame["duration"], frame["event"])
    ours = trd.KaplanMeier(by=None).fit(onset).at([28])["estimate"].item()
    assert fitter.predict(28) == pytest.approx(ours)
    cox = trd.CoxPH("treatment + age", strata="sex").fit(onset)
    handed = cox.to_lifelines()
    estimates = cox.tidy().set_index("term")["estimate"]
    # lifelines stops its search when the log-likelihood hardly moves.
    assert handed.params_[estimates.index].tolist() == pytest.approx(estimates.tolist(), abs=2e-5)
    assert cox.tidy().set_index("term")["estimate"].equals(estimates)  # nothing of ours moved
    with pytest.raises(NotEstimableError, match="Efron's ties only"):
        trd.CoxPH("treatment", ties="breslow").fit(onset).to_lifelines()
    with pytest.raises(NotEstimableError, match="change with time"):
        trd.CoxPH("treatment", time_varying={"treatment": "sqrt"}).fit(onset).to_lifelines()


def test_a_missing_group_is_refused() -> None:
    with pytest.raises(DataError, match="8 of 200 subjects have no value of 'g'"):
        trd.Extrapolation(by="g").fit(table(g=[None] * 8 + ["x", "y"] * 96))


def test_a_penalised_fit_is_not_handed_on() -> None:
    with pytest.raises(NotEstimableError, match="no Firth penalty"):
        trd.CoxPH("treatment", firth=True).fit(table()).to_lifelines()


def test_all_events_in_the_first_interval_warn_of_nothing() -> None:
    """Hazards that overflow on the way leaked warnings of NumPy."""
    n = 40
    left, right = np.zeros(n), np.where(np.arange(n) % 4, 3.0, 7.0)
    times = CensoredTimes.of(left, right, np.zeros(n))
    for start in (5.0, 7.0, 9.0):
        fit_flexible(PiecewiseConstant(np.array([5.0])), times, np.full(2, start))
