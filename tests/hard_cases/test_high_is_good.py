"""A scale on which high is good is the mirror of one on which low is good, in every analysis.

Scores s of a scale of 0 to 60 are given again as 60 - s on a scale that says "higher is better".
Nobody got better or worse by that: who responded, when, and how sure we are must be the same, and
differences of scores must change their sign and nothing else.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trdstats as trd
from trdstats.errors import SpecError
from trdstats.outcomes import Definition
from trdstats.scales import Scale, scale_from_mapping

TOP = 60
DAYS = (7, 14, 21, 28, 42, 56)
LOW = scale_from_mapping("LOW", {"name": "low is good", "total": [0, TOP], "rater": "clinician"})
HIGH = scale_from_mapping(
    "HIGH",
    {"name": "high is good", "total": [0, TOP], "rater": "clinician",
     "direction": "higher is better"},
)  # fmt: skip


def tables(n: int = 45, seed: int = 3) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return visits, subjects and events of three arms, with screening, gaps and dropout."""
    rng = np.random.default_rng(seed)
    visits, people, events = [], [], []
    for i in range(3 * n):
        arm, name = ("A", "B", "C")[i % 3], f"P{i:03}"
        start = int(np.clip(rng.normal(32, 5), 20, 50))
        depth = np.clip(rng.normal(0.45 + 0.1 * (i % 3), 0.3), 0, 1)
        people.append({"subject": name, "treatment": arm, "age": int(rng.integers(20, 70)),
                       "severe": float(rng.normal() + 0.3 * (i % 3))})  # fmt: skip
        visits += [(name, -7, int(np.clip(start + rng.integers(-3, 4), 0, TOP))), (name, 0, start)]
        last = rng.choice([21, 28, 56], p=[0.12, 0.13, 0.75])
        for d in DAYS:
            back = 0.35 * (d > 28) * (rng.random() < 0.4)
            score = start * (1 - depth * (1 - 0.5 ** (d / 8)) * 1.2 + back) + rng.normal(0, 3)
            if d <= last and rng.random() > 0.06:
                visits.append((name, d, int(np.clip(np.rint(score), 0, TOP))))
        if rng.random() < 0.2:
            kind = "hospitalisation" if rng.random() < 0.5 else "rescue"
            events.append((name, int(rng.integers(10, 50)), kind))
    return (
        pd.DataFrame(visits, columns=["subject", "day", "score"]),
        pd.DataFrame(people),
        pd.DataFrame(events, columns=["subject", "day", "event"]),
    )


def study_of(scale: Scale, parts: tuple[pd.DataFrame, ...], **options: Any) -> trd.Study:
    visits, people, events = parts
    score = TOP - visits["score"] if scale.high_is_good else visits["score"]
    with warnings.catch_warnings(action="ignore"):  # baselines at an end, where hypothesis asks
        return trd.Study(
            visits.assign(score=score), people, events, scale=scale,
            windows=dict.fromkeys(DAYS, 3), **options,
        )  # fmt: skip


PARTS = tables()
ONE, OTHER = study_of(LOW, PARTS, randomised=True), study_of(HIGH, PARTS, randomised=True)
COHORTS = study_of(LOW, PARTS), study_of(HIGH, PARTS)

OF: dict[str, Any] = {"of": "distance"}
# The same rule on either scale: as it is written where low is good, and where high is.
RULES: dict[str, tuple[Definition, Definition]] = {
    "response": (trd.Response(), trd.Response(**OF)),
    "of a third": (trd.Response(1 / 3), trd.Response(1 / 3, **OF)),
    "points": (trd.Response(points=9), trd.Response(points=9)),
    "partial": (trd.PartialResponse(), trd.PartialResponse(**OF)),
    "remission": (trd.Remission(at_most=10), trd.Remission(at_least=50)),
    "early": (trd.EarlyImprovement(), trd.EarlyImprovement(**OF)),
    "loss": (trd.LossOfResponse(), trd.LossOfResponse(**OF)),
    "in response": (trd.InResponse(), trd.InResponse(**OF)),
    "deterioration": (trd.Deterioration(), trd.Deterioration(**OF)),
    "reliable": 2 * (trd.ReliableChange(sd=6, reliability=0.8),),
    "reliable worse": 2 * (trd.ReliableChange(sd=6, reliability=0.8, worse=True),),
    "edwards-nunnally": (
        trd.ReliableChange(sd=6, reliability=0.8, method="edwards-nunnally", mean=31),
        trd.ReliableChange(sd=6, reliability=0.8, method="edwards-nunnally", mean=TOP - 31),
    ),
    "onset": (
        trd.Onset(by_day=21, excursions=1, excursion=trd.Response(0.25), no_rise=True),
        trd.Onset(trd.Response(**OF), by_day=21, excursions=1,
                  excursion=trd.Response(0.25, **OF), no_rise=True),
    ),
    "sustained": (
        trd.Sustained(trd.Response(), visits=2, missing="failure"),
        trd.Sustained(trd.Response(**OF), visits=2, missing="failure"),
    ),
    "at days": (trd.AtDays(trd.Response(), (14, 28)), trd.AtDays(trd.Response(**OF), (14, 28))),
    "k of last": (trd.KOfLast(trd.Response(), 2, 3), trd.KOfLast(trd.Response(**OF), 2, 3)),
    "joined": (
        trd.Response() & ~trd.Remission(at_most=10),
        trd.Response(**OF) & ~trd.Remission(at_least=50),
    ),
}  # fmt: skip
RELAPSES: dict[str, tuple[Definition, Definition]] = {
    "relapse": (trd.Relapse(22), trd.Relapse(at_most=38)),
    "twice": (
        trd.Relapse(20, 2, within_days=20, events=("hospitalisation",), dated="last"),
        trd.Relapse(at_most=40, consecutive=2, within_days=20, events=("hospitalisation",),
                    dated="last"),
    ),
    "rise": (trd.Relapse(16, rise=6), trd.Relapse(at_most=44, fall=6)),
    "loss": (trd.LossOfResponse(), trd.LossOfResponse(**OF)),
}  # fmt: skip


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table without what names the scale or its direction in words."""
    frame = frame.reset_index(drop=True)
    texts = {"reason", "note", "definition", "rule"} & set(frame.columns)
    return frame.drop(columns=list(texts))


def same(a: pd.DataFrame, b: pd.DataFrame, **kwargs: Any) -> None:
    pd.testing.assert_frame_equal(plain(a), plain(b), rtol=1e-9, atol=1e-12, **kwargs)


# Differences of scores: these change their sign, limits change places, the rest stays.
SIGNED = ("estimate", "statistic", "change", "percent_change")


def mirrored(a: pd.DataFrame, b: pd.DataFrame, rtol: float = 1e-7) -> None:
    """Check that `b` holds the differences of `a` the other way round.

    The default tolerance is that of a search for the likelihood's maximum, started elsewhere.
    """
    b = b.copy()
    for column in SIGNED:
        if column in b:
            b[column] = -b[column]
    if "conf_low" in b:
        b["conf_low"], b["conf_high"] = -b["conf_high"], -b["conf_low"]
    pd.testing.assert_frame_equal(plain(a), plain(b), rtol=rtol, atol=1e-8)


@pytest.mark.parametrize("name", RULES)
def test_states_rates_and_times(name: str) -> None:
    rule, other = RULES[name]
    a, b = trd.assess(ONE, rule), trd.assess(OTHER, other)
    assert a["met"].any()
    assert (~a["met"].dropna()).any()
    pd.testing.assert_frame_equal(a.drop(columns="score"), b.drop(columns="score"))
    assert (a["score"] == TOP - b["score"]).all()
    same(trd.rates(ONE, rule, day=28).tidy(), trd.rates(OTHER, other, day=28).tidy())
    times = trd.time_to(ONE, rule), trd.time_to(OTHER, other)
    covariates = [c for c in times[0].frame if c not in ("baseline",)]
    same(times[0].frame[covariates], times[1].frame[covariates])


@pytest.mark.parametrize("name", RELAPSES)
def test_relapse_durability_and_history(name: str) -> None:
    relapse, other = RELAPSES[name]
    response = RULES["response"]
    a = trd.time_to(ONE, relapse, since=response[0])
    b = trd.time_to(OTHER, other, since=response[1])
    assert (a.frame["status"] == 1).any()
    kept = [c for c in a.frame if c != "baseline"]
    same(a.frame[kept], b.frame[kept])
    one = trd.response_history(ONE, response[0], relapse)
    two = trd.response_history(OTHER, response[1], other)
    kept = [c for c in one.frame if c != "baseline"]
    same(one.frame[kept], two.frame[kept])
    same(trd.ResponseState(tau=56).fit(one).mean_days(),
         trd.ResponseState(tau=56).fit(two).mean_days())  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    baseline=st.integers(0, TOP), scores=st.lists(st.integers(0, TOP), min_size=1, max_size=6),
    name=st.sampled_from(sorted(RULES)),
)  # fmt: skip
def test_states_of_any_course(baseline: int, scores: list[int], name: str) -> None:
    course = [("A", 0, baseline), *(("A", d, s) for d, s in zip(DAYS, scores, strict=False))]
    visits = pd.DataFrame(course, columns=["subject", "day", "score"])
    people = pd.DataFrame({"subject": ["A"], "treatment": ["x"]})
    events = pd.DataFrame({"subject": [], "day": [], "event": []}).astype({"event": str})
    a, b = (study_of(s, (visits, people, events)) for s in (LOW, HIGH))
    one, two = trd.assess(a, RULES[name][0]), trd.assess(b, RULES[name][1])
    assert one["met"].isna().tolist() == two["met"].isna().tolist()
    assert one["met"].fillna(False).tolist() == two["met"].fillna(False).tolist()
    ends = one["reason"].astype(str).replace("baseline at floor", "baseline at ceiling")
    assert ends.tolist() == two["reason"].astype(str).tolist()


@pytest.mark.parametrize("rule", ["last", "first", "mean", "worst"])
def test_baseline_rules(rule: Any) -> None:
    a, b = ONE.with_baseline(rule), OTHER.with_baseline(rule)
    assert (a.subjects["baseline"] == TOP - b.subjects["baseline"]).all()
    if rule == "worst":
        assert (b.subjects["baseline"] <= OTHER.subjects["baseline"]).all()


def test_changes_and_mean_scores() -> None:
    a, b = trd.change_from_baseline(ONE, 28), trd.change_from_baseline(OTHER, 28, of="distance")
    columns = ["subject", "change", "percent_change"]
    mirrored(a[columns], b[columns], rtol=1e-12)
    one, two = trd.mean_scores(ONE), trd.mean_scores(OTHER)
    np.testing.assert_allclose(one["estimate"], TOP - two["estimate"])
    np.testing.assert_allclose(one["conf_low"], TOP - two["conf_high"])
    with pytest.raises(SpecError, match=r"a per cent change needs to say what it is a share of"):
        trd.change_from_baseline(OTHER, 28)
    # Of the baseline above the floor it is another number, and no mirror.
    own = trd.change_from_baseline(OTHER, 28, of="baseline")
    np.testing.assert_allclose(own["percent_change"], 100 * own["change"] / own["baseline"])


def test_mixed_models_and_their_contrasts() -> None:
    spec = trd.MMRM("change ~ baseline * visit + treatment * visit")
    means = [spec.fit(s).margins("treatment", by="visit") for s in (ONE, OTHER)]
    mirrored(means[0].tidy(), means[1].tidy())
    gaps = [m.contrasts(reference="A") for m in means]
    mirrored(gaps[0].tidy(), gaps[1].tidy())
    assert "negative differences: lower change" in repr(gaps[0])
    assert "positive differences: higher change" in repr(gaps[1])
    assert gaps[0].plot().get_xlabel() == "Difference of change (lower = better)"
    assert gaps[1].plot().get_xlabel() == "Difference of change (higher = better)"
    assert "higher = better" in means[1].plot().get_ylabel()
    # A frame of the study knows its direction too.
    own = spec.fit(OTHER.longitudinal()).margins("treatment", by="visit")
    assert "higher = better" in own.plot().get_ylabel()
    plt.close("all")


def test_noninferiority_of_a_contrast() -> None:
    spec = trd.MMRM("change ~ baseline * visit + treatment * visit")
    found = []
    for study, better in ((ONE, "lower"), (OTHER, "higher")):
        gaps = spec.fit(study).margins("treatment", by="visit").contrasts(reference="A").tidy()
        row = gaps[gaps["visit"].astype(float) == 28].iloc[0]
        found.append(trd.NoninferiorityTest(3, better=better).of_row(row))  # type: ignore[arg-type]
    assert found[0].shown == found[1].shown
    assert found[0].p_value == pytest.approx(found[1].p_value, rel=1e-6)


def imputed(study: trd.Study, strategy: str) -> Any:
    formula = "change ~ baseline * visit + treatment * visit"
    spec = trd.Imputation(formula, method=trd.ConditionalMean("jackknife"))
    rescued = study.events[study.events["event"] == "rescue"]
    draws = spec.draw(study, rescued.assign(strategy=strategy))
    return draws.impute(trd.JumpToReference("A") if strategy == "JR" else trd.MAR())


@pytest.mark.parametrize("strategy", ["MAR", "JR"])
def test_imputation_deltas_and_tipping_points(strategy: str) -> None:
    a, b = (imputed(s, strategy) for s in (ONE, OTHER))
    keys = ["measure", "treatment", "visit"]

    def pooled(sets: Any, worse: float) -> pd.DataFrame:
        table = sets.analyse(trd.ANCOVA(), delta=trd.Delta({"B": worse})).pool().tidy()
        return table[table["measure"] == "difference"].sort_values(keys)

    for points in (0.0, 4.0):  # worse is up on one scale, down on the other
        mirrored(pooled(a, points), pooled(b, -points))
    one = trd.TippingPoint({"B": [0, 15, 30]}).fit(a)
    two = trd.TippingPoint({"B": [-30, -15, 0]}).fit(b)
    np.testing.assert_allclose(
        np.sort(one.tipping_points()["delta"]), np.sort(-two.tipping_points()["delta"]), atol=1e-5
    )  # searched to 1e-6
    assert one.plot().get_xlabel().endswith("(added to imputed change; lower = better)")
    assert two.plot().get_xlabel().endswith("(added to imputed change; higher = better)")
    assert "positive is worse" in repr(one)
    assert "negative is worse" in repr(two)
    plt.close("all")


def test_responders_among_imputed_scores_and_the_missing() -> None:
    rule, other = RULES["response"]
    found = [
        trd.BinaryTippingPoint(r, 28, "B", "A").fit(s).tidy()
        for s, r in ((ONE, rule), (OTHER, other))
    ]
    same(*found)
    one, two = (trd.single_imputation_analyses(s, day=28).tidy() for s in (ONE, OTHER))
    mirrored(one, two)


def test_composite_strategy_sets_the_worst_score() -> None:
    for study, worst in ((ONE, TOP), (OTHER, 0)):
        estimand = trd.Estimand(
            population="all", variable="change", contrast="B against A",
            population_summary="difference of means",
            strategies={"rescue": trd.Composite("worst"), "hospitalisation": trd.TreatmentPolicy()},
        )  # fmt: skip
        audit = estimand.derive(study).audit
        told = audit.loc[audit["action"] == "set", "value"]
        assert len(told)
        assert (told == worst).all()


def test_adjusted_outcomes() -> None:
    spec = trd.Standardisation("treatment + baseline + severe", outcome="change", day=28)
    one, two = (spec.fit(s) for s in COHORTS)
    mirrored(*(r.tidy().drop(columns="outcome", errors="ignore") for r in (one, two)))
    assert "(higher = better)" in repr(two)
    rule, other = RULES["response"]
    a, b = (
        trd.AIPW("treatment + severe", "severe", outcome=r, day=28).fit(s)
        for s, r in zip(COHORTS, (rule, other), strict=True)
    )
    same(a.tidy().drop(columns="outcome", errors="ignore"),
         b.tidy().drop(columns="outcome", errors="ignore"))  # fmt: skip


def test_comparison_of_cohorts_and_its_findings() -> None:
    def found(study: trd.Study, response: Definition, relapse: Definition) -> Any:
        return trd.compare(study, adjust="severe", day=28, tau=56, response=response,
                           relapse=relapse, n_boot=20, seed=1)  # fmt: skip

    response, relapse = RULES["response"], RELAPSES["loss"]
    a = found(COHORTS[0], response[0], relapse[0])
    b = found(COHORTS[1], response[1], relapse[1])
    same(a.tidy(), b.tidy())
    for name in ("threshold", "entry score"):
        told = [f.findings().query(f"check == {name!r}") for f in (a, b)]
        assert told[0]["grade"].tolist() == told[1]["grade"].tolist()
        if name == "threshold":
            assert told[0]["finding"].tolist() == told[1]["finding"].tolist()


def test_schedule_audit_and_multiverse() -> None:
    rule, other = RULES["response"]
    a, b = trd.audit_schedule(ONE, rule, tau=28), trd.audit_schedule(OTHER, other, tau=28)
    same(a.tidy(), b.tidy())

    def many(study: trd.Study, rules: list[Definition]) -> pd.DataFrame:
        return trd.multiverse(
            study.only(["A", "B"]), rules, primary=rules[0], day=28,
            baseline=["last", "worst"], draws=200,
        ).tidy()  # fmt: skip

    names = ("response", "remission", "points")
    one, two = (many(s, [RULES[n][k] for n in names]) for k, s in enumerate((ONE, OTHER)))
    numbers = ["estimate", "std_error", "p_value", "conf_low", "conf_high"]
    same(one[numbers], two[numbers])


def test_entry_scores_pile_up_at_the_least_severe_end() -> None:
    a, b = trd.check_ratings(ONE, entry=24), trd.check_ratings(OTHER, entry=TOP - 24)
    counts = ["n_at_entry", "n_above", "n_below", "p_value"]
    same(a.glance()[counts], b.glance()[counts])
    assert "24 to 25" in repr(a)
    assert "35 to 36" in repr(b)


def heights_of(ax: Any) -> list[float]:
    """Return where the bars of the first treatment of a waterfall end, from left to right."""
    bars = [path.vertices for path in ax.collections[0].get_paths()]
    return [float(y[np.argmax(np.abs(y))]) for y in (b[:, 1] for b in bars)]


def test_figures_say_which_way_is_better() -> None:
    changes = trd.change_from_baseline(OTHER, 28, of="distance")
    ax = trd.plots.plot_waterfall(changes, better="higher")
    assert ax.get_ylabel() == "Change from baseline (positive = improvement)"
    heights = heights_of(ax)
    assert heights == sorted(heights), "from worst to best"
    assert ax.get_ylim()[1] == 105
    low = trd.plots.plot_waterfall(trd.change_from_baseline(ONE, 28))
    assert low.get_ylabel() == "Change from baseline (negative = improvement)"
    np.testing.assert_allclose(heights_of(low), -np.array(heights))
    with pytest.raises(SpecError, match="threshold must lie between 0 and 100"):
        trd.plots.plot_waterfall(changes, better="higher", threshold=-50)
    grid = trd.plots.plot_waterfalls(changes, better="higher")
    assert grid.get_supylabel().replace("\n", " ").endswith("(positive = improvement)")
    plt.close("all")


WHO = {"subject": ["A", "A", "B", "B", "C", "C"], "treatment": ["x"] * 4 + ["y"] * 2,
       "day": [0, 28] * 3, "score": [20, 60, 44, 68, 0, 8]}  # fmt: skip


def who() -> trd.Study:
    with pytest.warns(match="starts at the floor of WHO5PCT"):
        return trd.Study(pd.DataFrame(WHO), scale="WHO5PCT")


def test_response_on_the_who_5_by_hand() -> None:
    # A from 20 to 60: half of the 80 to the top, and +200 %. B from 44 to 68: 24 of 56, +55 %.
    # C from 0 to 8: 8 of 100; no per cent of a baseline of 0.
    study = who()

    def met(rule: Definition) -> list[Any]:
        return trd.assess(study, rule)["met"].to_numpy(object, na_value=None).tolist()

    assert met(trd.Response(of="distance")) == [True, False, False]
    assert met(trd.Response(of="baseline")) == [True, True, None]
    assert trd.assess(study, trd.Response(of="baseline"))["reason"].iloc[-1] == "baseline at floor"
    assert met(trd.Response(points=10)) == [True, True, False]
    assert met(trd.Response(points=8)) == [True, True, True]
    assert met(trd.Remission(at_least=60)) == [True, True, False]
    assert met(trd.Deterioration(of="baseline")) == [False, False, None]


NEEDED: list[Callable[[], Definition]] = [
    trd.Response, trd.PartialResponse, trd.EarlyImprovement, trd.LossOfResponse, trd.InResponse,
    trd.Deterioration, trd.Onset, lambda: trd.definitions["response"],
]  # fmt: skip


@pytest.mark.parametrize("rule", NEEDED)
def test_no_share_is_chosen_silently(rule: Callable[[], Definition]) -> None:
    words = r"on HIGH, so .* needs to say what it is a share of: of='distance' .* or of='baseline'"
    with pytest.raises(SpecError, match=words):
        trd.assess(OTHER, rule())
    assert trd.assess(ONE, rule())["met"].any()


@pytest.mark.parametrize(
    ("study", "rule", "words"),
    [
        (OTHER, trd.Remission(at_most=10), r"remission there is Remission\(at_least=...\)"),
        (ONE, trd.Remission(at_least=10), r"remission there is Remission\(at_most=...\)"),
        (OTHER, trd.Remission(), r"no default remission cut-off: say Remission\(at_least=...\)"),
        (OTHER, trd.Remission(at_least=0), "0 lies outside HIGH"),
        (OTHER, trd.Relapse(22), r"relapse there is Relapse\(at_most=...\), not at_least=22"),
        (ONE, trd.Relapse(at_most=22), r"relapse there is Relapse\(at_least=...\)"),
        (OTHER, trd.Relapse(at_most=TOP), "lies outside HIGH"),
    ],
)
def test_thresholds_of_the_other_direction_are_refused(
    study: trd.Study, rule: Definition, words: str
) -> None:
    with pytest.raises(SpecError, match=words):
        trd.assess(study, rule)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: trd.Response(0.5, points=10), "points say the whole rule"),
        (lambda: trd.Response(points=10, of="baseline"), "points say the whole rule"),
        (lambda: trd.Response(points=0), "positive number of points"),
        (lambda: trd.Response(points=2.37), "halves to tenths"),
        (lambda: trd.Response(of="ceiling"), "of must be one of 'baseline', 'distance'"),
        (lambda: trd.Remission(10, 50), "not both"),
        (lambda: trd.Relapse(), "needs one threshold"),
        (lambda: trd.Relapse(22, at_most=10), "needs one threshold"),
        (lambda: trd.Relapse(22, fall=3), "rise belongs to at_least, fall to at_most"),
    ],
)
def test_rules_that_say_two_things(make: Callable[[], Definition], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        make()


@pytest.mark.parametrize("name", [*RULES, *RELAPSES])
def test_sentences_turn_round(name: str) -> None:
    rule, other = {**RULES, **RELAPSES}[name]
    for low, high in (
        (rule.describe(LOW), other.describe(HIGH)),
        (rule.label(LOW), other.label(HIGH)),
    ):
        assert "HIGH" not in low
        assert ("fall" in low) == ("rise" in high)
        assert ("rise" in low and "rise" not in name) <= ("fall" in high)
    assert "(set by the analyst)" in other.methods(HIGH) or not other.sources(HIGH) or (
        "reliable" in name or "edwards" in name
    )  # fmt: skip
    assert other.label(), "and without a scale"


def test_a_study_says_its_direction() -> None:
    assert "HIGH, 0 to 60, high is good" in repr(OTHER)
    assert "LOW, 0 to 60, high is worse" in repr(ONE)
