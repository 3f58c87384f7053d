"""Formulas under attack, and the formulas that must work: names, functions, splines."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError, TrdstatsError, UnknownNameError
from trdstats.formulas import evaluate
from trdstats.formulas.language import function_names
from trdstats.formulas.reading import parse
from trdstats.plan.reading import plan_from_text

# Each would leave a file behind if any part of it ran.
ESCAPES = [
    "{__import__('os').system('touch pwned')}",
    "__import__('os').system('touch pwned')",
    "I(age * (0 * np._core._methods.os.system('touch pwned') + 1))",
    "I(age * (0 * np.os.system('touch pwned') + 1))",
    "np._core._methods.os.system('touch pwned')",
    "I(__import__('os').system('touch pwned') + age)",
    "open('pwned', 'w')",
    "I(open('pwned', 'w').write('x') + age)",
    "eval('open(chr(112))')",
    'exec(\'open("pwned", "w")\')',
    "(lambda: open('pwned', 'w'))()",
    "I((lambda: open('pwned', 'w'))() or age)",
    "I([open('pwned', 'w') for _ in (1,)][0] + age)",
    "I({open('pwned', 'w'): 1})",
    'I(f\'{open("pwned", "w")}\' + age)',
    "I(age.__class__.__mro__[1].__subclasses__())",
    "I(().__class__.__base__.__subclasses__()[0] + age)",
    "age.to_csv('pwned')",
    "I(age.to_csv('pwned'))",
    "age.pipe(print)",
    "np.save('pwned', age)",
    "np.savetxt('pwned', age)",
    "np.fromfile('pwned')",
    "np.load('pwned')",
    "np.testing.run_module_suite('pwned')",
    "contr.__class__.__base__()",
    "contr.treatment.__init__.__globals__['inspect'].os.system('touch pwned')",
    "C(age, contr.treatment.__init__.__globals__['os'].system('touch pwned'))",
    "C(age, __import__('os').system('touch pwned'))",
    "C(age, levels=open('pwned', 'w'))",
    "C(open('pwned', 'w'))",
    "bs(age, df=open('pwned', 'w'))",
    "bs(age, knots=[open('pwned', 'w')])",
    "poly(age, _state=open('pwned', 'w'))",
    "bs(age, **{'df': open('pwned', 'w')})",
    "log(*[open('pwned', 'w')])",
    "hashed(age, levels=2, hash_func=open)",
    "Q(open('pwned', 'w'))",
    "log(open('pwned', 'w'))",
    "(age := open('pwned', 'w'))",
    "I((age := open('pwned', 'w')))",
    "age[open('pwned', 'w')]",
    "`age`[open('pwned', 'w')]",
    "I(age if open('pwned', 'w') else age)",
    "I(age > open('pwned', 'w'))",
    "I(await age)",
    "log(age)(open('pwned', 'w'))",
    "getattr(np, 'os')",
    "__builtins__['open']('pwned', 'w')",
    "I(globals()['__builtins__'])",
    "breakpoint()",
    "lag(age)",
]

CLASSES: dict[str, Any] = {
    "MMRM": lambda f: trd.MMRM(f"y ~ {f}"),
    "MMRM, outcome": lambda f: trd.MMRM(f"{f} ~ age"),
    "LMM": lambda f: trd.LMM(f"y ~ {f}"),
    "LMM, random": lambda f: trd.LMM("y ~ age", random=f),
    "CoxPH": trd.CoxPH,
    "AFT": trd.AFT,
    "FineGray": trd.FineGray,
    "IntervalPH": trd.IntervalPH,
    "MixtureCure, incidence": lambda f: trd.MixtureCure(f, "1"),
    "MixtureCure, latency": lambda f: trd.MixtureCure("1", f),
    "RMST": lambda f: trd.RMST(tau=28, covariates=f),
    "PropensityWeights": trd.PropensityWeights,
    "PropensityWeights, left": lambda f: trd.PropensityWeights(f"{f} ~ age"),
    "Matching": lambda f: trd.Matching(f, treated="B"),
    "AIPW, outcome": lambda f: trd.AIPW(f"treatment + {f}", "age", outcome="y"),
    "AIPW, treatment": lambda f: trd.AIPW("treatment + age", f, outcome="y"),
    "Standardisation": lambda f: trd.Standardisation(f"treatment + {f}", outcome="y"),
    "CensoringWeights": lambda f: trd.CensoringWeights(f, outcome="y"),
    "IPCW": lambda f: trd.IPCW(f, tau=28),
    "Imputation": lambda f: trd.Imputation(f"y ~ {f}"),
    "ANCOVA": lambda f: trd.ANCOVA(covariates=f),
}


def people(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "subject": [f"s{i:02}" for i in range(n)],
            "treatment": np.where(np.arange(n) % 2, "B", "A"),
            "time": rng.exponential(10, n),
            "status": rng.integers(0, 2, n),
            "age": rng.normal(50, 10, n),
            "x": rng.normal(0, 1, n),
        }
    )


def ratings(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = people(n).loc[np.repeat(np.arange(n), 3)].reset_index(drop=True)
    frame["visit"] = np.tile([7, 14, 28], n)
    frame["dose"] = rng.uniform(1, 9, 3 * n)
    frame["y"] = 20 + np.repeat(rng.normal(0, 3, n), 3) + rng.normal(0, 2, 3 * n) + 0.1 * frame["x"]
    return frame


@pytest.mark.parametrize("name", CLASSES)
def test_no_class_runs_a_formula(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    CLASSES[name]("age")
    for escape in ESCAPES:
        with pytest.raises(TrdstatsError) as caught:
            CLASSES[name](escape)
        assert "\x1b" not in str(caught.value)
        assert not list(tmp_path.iterdir()), escape


@pytest.mark.parametrize("escape", ESCAPES)
def test_the_place_at_fault_is_marked(escape: str) -> None:
    with pytest.raises(SpecError, match="cannot be read") as caught:
        parse(f"age + {escape}")
    lines = str(caught.value).split("\n")
    mark = lines[2].index("^")
    assert mark >= lines[1].index("+"), "the part before is sound"
    assert lines[1][mark:].strip()


@pytest.mark.parametrize("escape", ESCAPES)
def test_a_header_is_a_name(escape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frame = people().rename(columns={"x": escape})
    quoted = trd.formulas.quoted(escape)
    fit = trd.CoxPH(f"treatment + {quoted}").fit(trd.EventTimes(frame))
    plain = trd.CoxPH("treatment + x").fit(trd.EventTimes(people()))
    np.testing.assert_allclose(fit.tidy()["estimate"], plain.tidy()["estimate"], rtol=1e-12)
    frame.loc[3:8, escape] = np.nan  # gets an indicator, named after it, in the formula
    weights = trd.PropensityWeights(f"age + {quoted}", missing="indicator").fit(frame)
    assert len(weights.covariates.filled) == 1
    assert not list(tmp_path.iterdir())


def test_a_plan_does_not_run_its_formula(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (
        'study = {{ sample = "modalities" }}\n'
        "[definitions]\nrelapse = {{ at_least = 22, consecutive = 2 }}\n"
        "[analysis]\nacute_end = 28\nrate_days = [28]\nhorizon = 84\nadjust = {}\n"
    )
    for escape in ESCAPES:
        with pytest.raises(trd.errors.PlanError, match="adjust"):
            plan_from_text(text.format("'''age + " + escape + "'''"), tmp_path)
    assert not list(tmp_path.iterdir())
    assert plan_from_text(text.format('"age + log(baseline)"'), tmp_path).adjust


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("treatment + logg(age)", "'logg' is not allowed; the nearest function is 'log'"),
        ("age + I(age > 60)", "comparisons are not allowed"),
        ("age + {age}", r"curly brackets are not allowed; write I\(...\)"),
        ("age | x", r"'\|' has no meaning here"),
        ("age + 'x y'", "write columns with blanks in `backticks`"),
        ("(age + x", "a bracket is not closed or not opened"),
        ("log(age", r"'\)' is missing"),
        ("log(" * 60 + "age" + ")" * 60, "nested too deeply"),
        ("(age + x + treatment) ** 99", "more than 5,000 terms"),
        (" * ".join(f"x{k}" for k in range(40)), "more than 5,000 terms"),
        ("bs(age, df=1000000)", "1000000 is more than 100"),
        ("x" * 30_000, "30,000 characters; 20,000 are allowed"),
        ("log(age, x)", r"log\(\) takes one argument"),
    ],
)
def test_words(formula: str, words: str) -> None:
    with pytest.raises(SpecError, match=words) as caught:
        trd.CoxPH(formula)
    assert len(str(caught.value)) < 700


def test_a_huge_power_ends() -> None:
    with pytest.raises(SpecError):
        trd.CoxPH("I(age * 9**9**9**9)").fit(trd.EventTimes(people()))


def test_checking_is_fast() -> None:
    formulas = [f"change ~ baseline * visit + treatment * visit + C(s{k})" for k in range(200)]
    start = time.process_time()
    for formula in formulas:
        parse(formula)
    assert (time.process_time() - start) / len(formulas) < 3e-3  # 0.7 ms on an idle machine


NAMES = ["center", "lag", "log", "C", "np", "I", "a.b", "sleep quality", "2nd", "it's", 'a "b"',
         "x:y", "per cent %", "tilde ~", "back`tick", "back\\slash",
         "α β", "{age}", "Q", "poly"]  # fmt: skip


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_columns_come_before_functions(name: str, missing: bool) -> None:
    frame = people()
    if missing:
        frame.loc[:4, "x"] = np.nan
    plain = trd.EventTimes(frame)
    renamed = trd.EventTimes(frame.rename(columns={"x": name}))
    quoted = trd.formulas.quoted(name)
    for formula in ("{} + age", "{} * treatment", "exp({})", "bs({}, df=4) + treatment"):
        want = trd.CoxPH(formula.format("x")).fit(plain).tidy()["estimate"]
        got = trd.CoxPH(formula.format(quoted)).fit(renamed).tidy()["estimate"]
        np.testing.assert_allclose(got, want, rtol=1e-10)


def test_names_in_a_longitudinal_model() -> None:
    frame = ratings(30)
    want = trd.MMRM("y ~ x * visit + treatment").fit(frame).tidy()["estimate"]
    for name in ("center", "a.b", "sleep quality"):
        quoted = trd.formulas.quoted(name)
        fit = trd.MMRM(f"y ~ {quoted} * visit + treatment").fit(frame.rename(columns={"x": name}))
        np.testing.assert_allclose(fit.tidy()["estimate"], want, rtol=1e-10)
        assert name in fit.design.totals.sums


@pytest.mark.parametrize(
    "formula", ["bs(age, df=4)", "cr(age, df=3)", "poly(age, 2)", "center(age)", "scale(age)",
                "standardize(age)", "cc(age, df=3)"],
)  # fmt: skip
def test_transforms_that_learn(formula: str) -> None:
    frame = ratings(40)
    rng = np.random.default_rng(5)
    seen = frame[rng.random(len(frame)) > 0.2]
    fit = trd.MMRM(f"y ~ {formula} + treatment * visit").fit(seen)
    # What was learnt from the analysed rows is used for rows to predict, one at a time.
    one = pd.concat([fit.predict(seen.iloc[[k]]) for k in range(6)], ignore_index=True)
    np.testing.assert_allclose(one["estimate"], fit.predict(seen.iloc[:6])["estimate"], rtol=1e-10)
    lines = trd.LMM(f"y ~ {formula} + treatment").fit(seen)
    assert lines.tidy()["estimate"].notna().all()
    times = trd.EventTimes(people())
    assert trd.CoxPH(f"{formula} + treatment").fit(times).tidy()["estimate"].notna().all()


def test_centering_changes_no_slope() -> None:
    times = trd.EventTimes(people())
    plain = trd.CoxPH("age + treatment").fit(times).tidy()
    centred = trd.CoxPH("center(age) + treatment").fit(times).tidy()
    np.testing.assert_allclose(centred["estimate"], plain["estimate"], rtol=1e-8)


def test_log_of_a_covariate_that_changes_with_missed_visits() -> None:
    frame = ratings(40)
    rng = np.random.default_rng(6)
    seen = frame[rng.random(len(frame)) > 0.2].assign(logged=lambda d: np.log(d["dose"]))
    want = trd.MMRM("y ~ logged + treatment * visit").fit(seen).tidy()["estimate"]
    for formula in ("log(dose)", "np.log(dose)", "numpy.log(dose)", "I(log(dose))"):
        got = trd.MMRM(f"y ~ {formula} + treatment * visit").fit(seen).tidy()["estimate"]
        np.testing.assert_allclose(got, want, rtol=1e-10)


def test_no_value_is_said() -> None:
    frame = people()
    frame.loc[[2, 5], "age"] = 0.0
    with pytest.raises(SpecError, match=r"log\(age\) has no value in 2 rows"):
        trd.CoxPH("log(age)").fit(trd.EventTimes(frame))
    with pytest.raises(SpecError, match=r"'treatment' does not hold numbers, and log"):
        trd.CoxPH("log(treatment)").fit(trd.EventTimes(frame))
    with pytest.raises(TrdstatsError, match="has no column 'lgo'"):
        trd.CoxPH("log(lgo)").fit(trd.EventTimes(frame))


def test_a_function_of_your_own() -> None:
    def halved(values: Any) -> Any:
        return values / 2

    with pytest.raises(SpecError, match="'halved' is not allowed"):
        trd.CoxPH("halved(age)")
    trd.formulas.allow("halved", halved)
    times = trd.EventTimes(people())
    half = trd.CoxPH("halved(age)").fit(times).tidy()["estimate"]
    np.testing.assert_allclose(half, 2 * trd.CoxPH("age").fit(times).tidy()["estimate"], rtol=1e-9)
    assert "halved" in function_names()
    with pytest.raises(SpecError, match="Formulas have a function 'log' already"):
        trd.formulas.allow("log", halved)
    for name in ("np.log", "a b", "__import__", 3):
        with pytest.raises(SpecError, match="plain word"):
            trd.formulas.allow(name, halved)  # type: ignore[arg-type]


def test_levels_that_are_not_known_are_refused() -> None:
    frame = people().assign(site=np.arange(60) % 3 + 1)
    fit = trd.CoxPH("C(site) + age").fit(trd.EventTimes(frame))
    assert list(fit.tidy()["term"]) == ["C(site)[T.2]", "C(site)[T.3]", "age"]
    with pytest.raises(UnknownNameError, match="level of C"):
        trd.CoxPH("C(site, levels=[1, 2])").fit(trd.EventTimes(frame))
    with pytest.raises(TrdstatsError) as caught:
        trd.CoxPH("C(site, Treatment(9))").fit(trd.EventTimes(frame))
    assert "\x1b" not in str(caught.value)


def test_a_learning_transform_is_refused_in_a_summary() -> None:
    frame = ratings(20).astype({"treatment": "category", "visit": "category"})
    with pytest.raises(SpecError, match=r"center\(age\) depends on all rows"):
        trd.MMRM("y ~ center(age) + visit").summarise(frame)


@pytest.mark.parametrize(("formula", "sites"), [("y ~ site", 120), ("y ~ site + ward", 60)])
def test_a_summary_of_many_levels_is_exact(formula: str, sites: int) -> None:
    # More levels than the made-up subjects by which columns are told apart once met.
    n = 180
    rng = np.random.default_rng(12)
    site, ward = np.arange(n) % sites, rng.permutation(np.arange(n) % 60)
    frame = ratings(n).assign(
        site=pd.Categorical(np.repeat([f"S{k:03}" for k in site], 3)),
        ward=pd.Categorical(np.repeat([f"W{k:03}" for k in ward], 3)),
        visit=lambda d: pd.Categorical(d["visit"]),
    )
    frame = frame[frame["visit"] != 7].assign(
        visit=lambda d: pd.Categorical(d["visit"].astype(int))
    )
    spec = trd.MMRM(formula, covariance="cs", ddf="residual")
    whole = spec.fit(frame)
    summed = spec.fit(spec.summarise(frame))
    assert summed.glance()["loglik"][0] == pytest.approx(whole.glance()["loglik"][0], abs=1e-6)
    np.testing.assert_allclose(summed.tidy()["estimate"], whole.tidy()["estimate"], atol=1e-6)


def test_no_covariate_at_all() -> None:
    with pytest.raises((SpecError, NotEstimableError), match="no covariate"):
        trd.CoxPH("1").fit(trd.EventTimes(people()))


MAIN_EFFECTS = ["1", "arm", "dose", "dose + arm + `per kg`", "grade + rare + arm", "one + half"]
OTHERS = ["arm * dose", "0 + arm", "log(dose + 1)", "C(dose)", "lost", "gap", "twin", "hidden"]


def _columns_of_all_kinds() -> pd.DataFrame:
    rng, n = np.random.default_rng(7), 60
    gap = np.where(rng.random(n) < 0.2, None, "a").astype(object)
    return pd.DataFrame(
        {
            "arm": pd.Categorical(rng.choice(["b", "c", "a"], n), ["b", "c", "a"]),
            "grade": pd.Categorical(rng.integers(1, 4, n), ordered=True),
            "rare": pd.Categorical(rng.choice(["p", "q"], n), ["p", "never", "q"]),
            "one": pd.Categorical(["z"] * n),
            "half": pd.Categorical(rng.integers(0, 2, n).astype(bool)),
            "dose": rng.integers(0, 200, n).astype("uint8"),
            "per kg": rng.normal(size=n).astype("float32"),
            "lost": np.where(rng.random(n) < 0.2, np.nan, 1.0),
            "gap": pd.Categorical(gap, ["a", "b"]),
            "twin": pd.Categorical(rng.choice(np.array([0, 1, "1"], dtype=object), n), [0, 1, "1"]),
            "hidden": pd.Categorical(rng.choice(["a", "__b"], n)),
        }
    )


@pytest.mark.parametrize("formula", MAIN_EFFECTS + OTHERS)
def test_main_effects_are_the_designs_of_formulaic(
    formula: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, parsed = _columns_of_all_kinds(), parse("1 + " + formula)[1]
    X, spec = parsed.design(table)
    at_once = evaluate.main_effects(parsed, table) is not None
    assert at_once is (formula in MAIN_EFFECTS)
    monkeypatch.setattr(evaluate, "main_effects", lambda *_: None)
    slow, theirs = parsed.design(table)
    assert np.array_equal(X, slow, equal_nan=True)
    assert repr(spec) == repr(theirs)
    assert (spec.references(), spec.levels()) == (theirs.references(), theirs.levels())
    assert [row.term for row in spec.structure] == [row.term for row in theirs.structure]
    # Of other rows, with what was kept.
    later = table.dropna(subset="gap")[5:]
    assert np.array_equal(spec.rows(later), theirs.rows(later), equal_nan=True)
