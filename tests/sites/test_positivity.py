"""Overlap and balance over sites: exact where sums are, honest bounds where scores are in bins."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from site_plan import RULES, plan_of

import trdstats as trd
from trdstats.cli import main
from trdstats.errors import EstimateWarning, NotEstimableError, SpecError
from trdstats.kernels.weighting.covariate_balance import c_statistic
from trdstats.sites import Answer, Question, SiteEstimates
from trdstats.sites.rounds.positivity import (
    EDGES,
    N_BINS,
    WeightChecks,
    _overlap,
    score_counts,
)

TEXT = (
    """
title = "Clinics"
steps = ["rates"]
[study]
visits = "v.csv"
subjects = "s.csv"
scale = "MADRS"
windows = { 28 = 3 }
"""
    + RULES
    + """reference = "A"
horizon = 28
[rates]
outcomes = ["response"]
[sites]
levels = { treatment = ["A", "B", "C"], region = ["east", "north", "west"], sex = ["F", "M"] }
"""
)
FORMULA = "age + baseline + region + sex"


def plan(text: str = TEXT) -> trd.Plan:
    return plan_of(text)


def tables(
    n: int, seed: int, arms: str = "ABC", strength: float = 0.5
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return visits and subjects of a site: age and sex decide about the treatment."""
    rng = np.random.default_rng(seed)
    age, sex = rng.normal(50, 12, n).round(1), rng.choice(["F", "M"], n)
    odds = np.exp(strength * np.outer((age - 50) / 12 + (sex == "F"), np.arange(len(arms))))
    chosen = (odds.cumsum(1) / odds.sum(1)[:, None] < rng.random(n)[:, None]).sum(1)
    subjects = pd.DataFrame({
        "subject": [f"{seed}-{i}" for i in range(n)], "treatment": np.array(list(arms))[chosen],
        "sex": sex, "age": age, "region": rng.choice(["east", "north", "west"], n),
    })  # fmt: skip
    base = rng.integers(26, 40, n)
    last = np.rint(base * (1 - rng.uniform(0.2, 0.9, n)))
    visits = pd.concat([
        pd.DataFrame({"subject": subjects["subject"], "day": d, "score": s})
        for d, s in ((0, base), (28, last))
    ])  # fmt: skip
    return visits, subjects


def study(visits: pd.DataFrame, subjects: pd.DataFrame) -> trd.Study:
    return trd.Study(visits, subjects, scale="MADRS", windows={28: 3})


PARTS = {
    "three sites": [(200, 1, "ABC"), (200, 2, "ABC"), (200, 3, "ABC")],
    "a small site": [(300, 1, "ABC"), (20, 2, "ABC")],
    "a site without an arm": [(200, 1, "ABC"), (200, 2, "AC"), (200, 3, "BC")],
    "one site": [(300, 4, "ABC")],
}


def parts(split: str, **more: Any) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    return {f"site {k}": tables(n, seed, arms, **more) for k, (n, seed, arms) in
            enumerate(PARTS[split])}  # fmt: skip


def way(
    data: dict[str, tuple[pd.DataFrame, pd.DataFrame]], estimand: Any, minimum: int = 1,
    formula: str = FORMULA,
) -> tuple[SiteEstimates, list[Answer]]:  # fmt: skip
    """Return the estimates and the last answers."""
    one_plan, studies = plan(), {name: study(*tables_) for name, tables_ in data.items()}
    step: Question | SiteEstimates = trd.ask_sites(
        one_plan, "weighted rates", formula=formula, estimand=estimand
    )
    given_answers: list[Answer] = []
    while isinstance(step, Question):
        given_answers = [
            trd.answer_sites(one_plan, step, name, minimum=minimum, study=of_site)
            for name, of_site in studies.items()
        ]
        step = trd.next_round(step, given_answers)
    return step, given_answers


def together(data: dict[str, tuple[pd.DataFrame, pd.DataFrame]], estimand: Any,
             formula: str = FORMULA) -> Any:  # fmt: skip
    visits, subjects = (pd.concat([d[k] for d in data.values()]) for k in (0, 1))
    return trd.PropensityWeights(formula, estimand=estimand, on_violation="overlap").fit(
        study(visits, subjects)
    )


@pytest.mark.parametrize("estimand", ["ate", "overlap"])
@pytest.mark.parametrize("split", list(PARTS))
def test_sizes_and_balance_are_those_of_all_rows(split: str, estimand: str) -> None:
    data = parts(split)
    ours, theirs = way(data, estimand)[0], together(data, estimand)
    assert not theirs.violations
    key = ["treatment", "reference", "term"]
    a, b = ours.balance(), theirs.balance()
    assert a[key].to_numpy().tolist() == b[key].to_numpy().tolist()
    assert "region[T.east]" in set(a["term"])  # the reference level, too
    for column in ("smd_before", "smd_after", "variance_ratio_before", "variance_ratio_after"):
        np.testing.assert_allclose(a[column], b[column], rtol=1e-8, atol=1e-8, err_msg=column)
    sizes, of_all = (f.effective_size().set_index("treatment") for f in (ours, theirs))
    for column in ("n", "effective", "share"):
        np.testing.assert_allclose(sizes[column], of_all[column], rtol=1e-8)
    assert (sizes["largest"] >= of_all["largest"]).all()
    check_bounds(ours, theirs)


def check_bounds(ours: SiteEstimates, theirs: Any) -> None:
    bounds, exact = ours.overlap(), theirs.overlap()
    key = ["treatment", "reference"]
    assert bounds[key].to_numpy().tolist() == exact[key].to_numpy().tolist()
    for low, value, high in (("c_low", "c_statistic", "c_high"),
                             ("outside_low", "outside", "outside_high")):  # fmt: skip
        assert (bounds[low] <= exact[value] + 1e-9).all(), value
        assert (exact[value] <= bounds[high] + 1e-9).all(), value
    assert (bounds["c_high"] - bounds["c_low"]).max() < 0.25


@pytest.mark.parametrize("estimand", ["ate", "overlap"])
def test_no_cell_of_few_scores_leaves_and_bounds_hold(estimand: str) -> None:
    data = {f"site {k}": tables(300, k) for k in range(3)}
    ours, answers = way(data, estimand, minimum=5)
    for a in answers:
        for name in ("scores_lowest", "scores_highest"):
            n = a.numbers[name]
            assert ((n == 0) | (n >= 5)).all()
        assert a.numbers["scores_lowest"].sum() == a.numbers["scores_highest"].sum()
    check_bounds(ours, together(data, estimand))
    exact = way(data, estimand)[0]
    np.testing.assert_allclose(ours.balance()["smd_before"], exact.balance()["smd_before"])
    words = repr(answers[0])
    assert "counts of scores in bins" in words
    assert "numbers of scores in a bin or the next higher ones" in words
    assert (ours.overlap()["outside_high"] - ours.overlap()["outside_low"]).max() < 0.12


def test_the_cautions_are_those_of_weights_in_memory() -> None:
    data = parts("three sites")
    words = " ".join(repr(way(data, "overlap")[0]).split())
    assert "Effective sizes: A " in words
    assert "Scores of B and A: c statistic 0." in words
    assert "have scores beyond all of the other treatment" in words
    assert "Not looked for: ranges of a covariate in which a treatment is never given" in words
    assert "SMD before" in words
    assert "Not balanced" not in words


def test_weights_that_explode_are_named_and_warned_of() -> None:
    """Age and sex nearly decide about the treatment: few stand for many, and balance is lost."""
    text = TEXT.replace('["A", "B", "C"]', '["A", "B"]')
    data = study(*tables(300, 2, "AB", strength=2))
    step: Any = trd.ask_sites(plan(text), "weighted rates", formula="age + sex", estimand="ate")
    while step.stage != "spread":
        step = trd.next_round(step, trd.answer_sites(plan(text), step, "a", minimum=1, study=data))
    answer = trd.answer_sites(plan(text), step, "a", minimum=1, study=data)
    with pytest.warns(EstimateWarning, match=r"Weights explode under A: \d+ subjects are worth"):
        made: Any = trd.next_round(step, answer)
    with pytest.warns(EstimateWarning, match="Weights explode under A"):
        theirs = trd.PropensityWeights("age + sex").fit(data)
    assert "Weights explode under A" in repr(made)
    share = made.effective_size().set_index("treatment")["share"]
    assert share["A"] == pytest.approx(0.087, abs=0.001)
    assert "Not balanced by the weights (above 0.1): sex[T.M]." in repr(made)
    assert made.overlap()["outside_low"].item() > 0.05
    check_bounds(made, theirs)


def test_one_subject_that_may_carry_much_is_named() -> None:
    sizes = pd.DataFrame({"treatment": ["A"], "n": [60], "effective": [16.0], "share": [16 / 60],
                          "largest": [0.25]})  # fmt: skip
    checks = WeightChecks(sizes, pd.DataFrame({"smd_after": [], "term": []}), pd.DataFrame())
    assert checks.explosions() == ["Under A one subject may carry up to 25 % of the weights."]


def test_hazards_have_no_weights() -> None:
    step: Any = trd.ask_sites(plan(), "hazards", formula="age")
    data = parts("one site")
    while isinstance(step, Question):
        step = trd.next_round(step, [
            trd.answer_sites(plan(), step, n, minimum=1, study=study(*d)) for n, d in data.items()
        ])  # fmt: skip
    assert step.weight_tables() == {}
    for table in (step.balance, step.overlap, step.effective_size):
        with pytest.raises(NotEstimableError, match="subjects have no weights"):
            table()


def test_scores_are_counted_by_hand() -> None:
    score = np.array([0.005, 0.02, 0.03, 0.3, 0.31, 0.36, 0.37, 0.38, 0.995, 0.996])
    p, arms = np.column_stack([1 - score, score]), np.array([1] * 10)
    low, high = score_counts(p, arms, 5)
    # 0.005 to 0.31 are one group of five, the last five another one.
    bins = [int(np.searchsorted(EDGES, s, side="right")) - 1 for s in (0.005, 0.31, 0.36, 0.996)]
    assert np.flatnonzero(low[1, 0]).tolist() == [bins[0], bins[2]]
    assert np.flatnonzero(high[1, 0]).tolist() == [bins[1], bins[3]]
    assert low[1, 0].sum() == high[1, 0].sum() == 10
    assert not low[0].any()


@given(
    st.lists(st.floats(0.001, 0.999), min_size=5, max_size=40),
    st.lists(st.floats(0.001, 0.999), min_size=5, max_size=40),
    st.integers(1, 5),
)
def test_bounds_hold_for_any_scores(a: list[float], b: list[float], least: int) -> None:
    score = np.array([*a, *b])
    arms = np.repeat([0, 1], [len(a), len(b)])
    low, high = score_counts(np.column_stack([1 - score, score]), arms, least)
    bounds = _overlap(low[[1, 0], 0], high[[1, 0], 0])
    for counts in (low, high):
        assert ((counts == 0) | (counts >= least)).all()
    # The score is worked out from probabilities that sum to 1: equal ones stay equal.
    pair = np.column_stack([1 - score, score])
    again = pair[:, 1] / pair.sum(axis=1)
    one, other = again[arms == 1], again[arms == 0]
    c = c_statistic(one, other)
    lo, hi = max(one.min(), other.min()), min(one.max(), other.max())
    outside = ((again < lo) | (again > hi)).mean()
    assert bounds["c_low"] <= c + 1e-12
    assert c <= bounds["c_high"] + 1e-12
    assert bounds["outside_low"] <= outside + 1e-12
    assert outside <= bounds["outside_high"] + 1e-12


def last_question(data: dict[str, Any]) -> tuple[Question, list[Answer]]:
    step: Any = trd.ask_sites(plan(), "weighted rates", formula="age")
    while True:
        given_answers = [
            trd.answer_sites(plan(), step, n, minimum=1, study=study(*d)) for n, d in data.items()
        ]
        if step.stage == "spread":
            return step, given_answers
        step = trd.next_round(step, given_answers)


def test_answers_that_cannot_be_are_refused() -> None:
    question, answers = last_question(parts("one site"))
    (a,) = answers

    def given_numbers(name: str, value: Any) -> Answer:
        return replace(a, numbers={**a.numbers, name: value})

    low = a.numbers["scores_lowest"]
    for wrong, words in (
        (given_numbers("scores_lowest", low[..., ::-1].copy()), "counts of scores that do not fit"),
        (given_numbers("scores_lowest", low + 1), "counts of scores that do not fit"),
        (given_numbers("scores_highest", -low), "a number of subjects below 0"),
        (given_numbers("scores_lowest", 0 * low), "counts of scores that do not fit"),
        (
            replace(a, numbers={**a.numbers, "scores_lowest": 0 * low, "scores_highest": 0 * low}),
            r"hold 0 scores under A of \d+ subjects: a site sent wrong numbers",
        ),
        (given_numbers("columns", low[0]), "columns has the shape"),
        (replace(a, columns=("sex",)), "has other terms, or is of another plan"),
    ):
        with pytest.raises(SpecError, match=words):
            trd.next_round(question, [wrong])
    without = {k: v for k, v in a.numbers.items() if not k.startswith("scores")}
    with pytest.raises(SpecError, match="scores_lowest is missing; scores_highest is missing"):
        trd.next_round(question, [replace(a, numbers=without)])
    assert low.shape == (3, 3, N_BINS)


def test_levels_of_another_name_are_refused() -> None:
    """A site whose plan lists the levels in another order has another fingerprint."""
    other = plan(TEXT.replace('["east", "north", "west"]', '["north", "east", "west"]'))
    question = trd.ask_sites(plan(), "weighted rates", formula="region")
    with pytest.raises(SpecError, match="The question is of another plan"):
        trd.answer_sites(other, question, "a", minimum=1, study=study(*tables(100, 1)))


def test_an_answer_of_an_earlier_round_is_refused() -> None:
    data = parts("one site")
    question, answers = last_question(data)
    with pytest.raises(SpecError, match="belongs to another question"):
        trd.next_round(replace(question, round=question.round + 1), answers)


@cache
def folder_of(path: Path) -> list[Path]:
    made = []
    for name, (visits, subjects) in parts("three sites").items():
        folder = path / name.replace(" ", "_")
        folder.mkdir()
        visits.to_csv(folder / "v.csv", index=False)
        subjects.to_csv(folder / "s.csv", index=False)
        (folder / "plan.toml").write_text(TEXT, "utf-8")
        made.append(folder)
    return made


def test_the_commands_write_balance_and_overlap(tmp_path: Path) -> None:
    folders = folder_of(tmp_path)

    def run(*words: object) -> str:
        done = CliRunner().invoke(main, [str(w) for w in words])
        assert done.exit_code == 0, done.output
        return done.output

    question = tmp_path / "question-1.json"
    run("ask", folders[0] / "plan.toml", "--analysis", "weighted rates", "--formula", "age + sex",
        "--out", question)  # fmt: skip
    for k in range(1, 20):
        question = tmp_path / f"question-{k}.json"
        files = []
        for folder in folders:
            files.append(folder / f"{k}.json")
            run("answer", folder / "plan.toml", question, "--site", folder.name, "--out", files[-1],
                "--minimum", 1)  # fmt: skip
        shown = run("next", question, *files)
        if "Rates over sites" in shown:
            break
    assert "Effective sizes" in shown
    ours = way(parts("three sites"), "overlap", formula="age + sex")[0]
    for name, table in ours.weight_tables().items():
        written = pd.read_csv(tmp_path / f"estimates-{name}.csv")
        assert written.columns.tolist() == table.columns.tolist()
        numbers = table.select_dtypes("number").columns
        np.testing.assert_allclose(written[numbers], table[numbers], rtol=1e-8, atol=1e-8)
