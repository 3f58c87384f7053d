"""Treatments, visits and arms that are numbers or truth values, named by value or by label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trdstats as trd
from trdstats.errors import SpecError, UnknownNameError, known_level, unknown_name
from trdstats.imputation import ANCOVA, ConditionalMean, Delta, JumpToReference, dropout_events


def trial(arms: dict[str, Any]) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    rows = []
    for i in range(40):
        base, level = rng.normal(30, 4), rng.normal(0, 3)
        for visit in (7, 14, 28):
            y = -visit / 7 - visit / 14 * (i % 2) + level + rng.normal(0, 2)
            gone = i % 5 < 2 and visit > 7
            rows.append((i, arms["ab"[i % 2]], base, visit, np.nan if gone else y))
    columns = ["subject", "treatment", "baseline", "visit", "change"]
    return pd.DataFrame(rows, columns=columns)


def answers(arms: dict[str, Any], a: Any, b: Any) -> list[float]:
    frame = trial(arms)
    spec = trd.Imputation("change ~ baseline + treatment * visit", method=ConditionalMean())
    sets = spec.draw(frame, dropout_events(frame)).impute(JumpToReference(a))
    delta = Delta({b: 5.0}, visits=["28"])
    pooled = sets.analyse(ANCOVA(reference=a, visits=[28.0]), delta=delta).pool().tidy()
    of = {"measure": "difference", "treatment": b, "visit": 28}
    tip = trd.TippingPoint({b: [0, 20]}, of=of).fit(sets).glance()
    return [*pooled["estimate"], *pooled["std_error"], *tip.iloc[0]]


@pytest.mark.parametrize(
    ("arms", "a", "b"),
    [
        ({"a": 1, "b": 2}, 1, 2),
        ({"a": 1, "b": 2}, "1", np.int64(2)),
        ({"a": 0.5, "b": 10.0}, 0.5, 10),
        ({"a": False, "b": True}, False, True),
        ({"a": False, "b": True}, "False", np.True_),
    ],
)
def test_an_analysis_does_not_depend_on_how_arms_are_written(
    arms: dict[str, Any], a: Any, b: Any
) -> None:
    text = answers({"a": "a", "b": "b"}, "a", "b")
    np.testing.assert_allclose(answers(arms, a, b), text, rtol=1e-9, equal_nan=True)


def test_multiverse_of_numbered_treatments() -> None:
    visits = pd.DataFrame(
        [(f"{t}{i}", t, d, 30 if d == 0 else 10 + 20 * ((i + t) % 3 == 0))
         for t in (5, 10) for i in range(12) for d in (0, 28)],
        columns=["subject", "treatment", "day", "score"],
    )  # fmt: skip
    study = trd.Study(visits, scale="MADRS", windows={28: 0})
    options: dict[str, Any] = {"primary": trd.Response(), "day": np.int64(28)}
    number, text = (
        trd.multiverse(study, [trd.Response()], contrast=c, **options).tidy()
        for c in ((10, 5), ("10", "5"))
    )
    pd.testing.assert_frame_equal(number, text)
    with pytest.raises(SpecError, match="contrast must name two treatments"):
        trd.multiverse(study, [trd.Response()], contrast=(5, "5"), **options)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match=r"Unknown treatment '7'\. Known: '(5|10)'"):
        trd.multiverse(study, [trd.Response()], contrast=(10, 7), **options)  # type: ignore[arg-type]


@given(st.lists(st.integers(-999, 999), min_size=1, max_size=8, unique=True), st.data())
def test_a_level_is_found_by_value_and_by_label(values: list[int], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(values) - 1))
    for levels in (values, [float(v) for v in values], [str(v) for v in values]):
        for name in (values[place], float(values[place]), str(values[place])):
            assert known_level("level", name, levels) == place


def test_what_is_no_level() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown arm 'True'\. Known: '0', '1'"):
        known_level("arm", True, ["0", "1"])
    with pytest.raises(UnknownNameError, match="Unknown arm 'nan'"):
        known_level("arm", float("nan"), ["1", "2"])
    with pytest.raises(UnknownNameError, match="Did you mean 'ketamine'"):
        known_level("arm", "ketamin", ["ketamine", "TMS"])
    # A number that two labels spell names neither; a label names itself.
    assert known_level("arm", "7.0", ["7", "7.0"]) == 1
    with pytest.raises(UnknownNameError, match=r"Unknown arm '7\.00'"):
        known_level("arm", "7.00", ["7", "7.0"])
    # Where a lookup takes text only, the message says so.
    message = str(unknown_name("level", 7, ["7", "8"]))
    assert message == "Unknown level '7'. Names are text: write '7' in place of 7."


def test_an_arm_named_twice_is_refused() -> None:
    frame = trial({"a": 1, "b": 2})
    spec = trd.Imputation("change ~ baseline + treatment * visit", method=ConditionalMean())
    sets = spec.draw(frame).impute()
    with pytest.raises(SpecError, match="The delta names an arm twice: 2, '2'"):
        sets.analyse(ANCOVA(), delta=Delta({2: 5.0, "2": 3.0}))
    with pytest.raises(SpecError, match="deltas name an arm twice"):
        trd.TippingPoint({2: [0, 1], "2": [0, 1]}).fit(sets)  # type: ignore[dict-item]
