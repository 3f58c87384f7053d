"""Hospitals whose tables are unlike: no baselines, other labels, codes for categories."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from site_plan import RULES, plan_of

import trdstats as trd
from trdstats.cli import main
from trdstats.errors import EstimateWarning, SpecError

SITES = ("north", "east")
TEXT = (
    """
title = "Two hospitals"
steps = ["rates", "change", "in_response"]
[study]
visits = "visits.csv"
scale = "MADRS"
windows = { 7 = 3, 14 = 3, 28 = 3 }
"""
    + RULES
    + """reference = "A"
horizon = 28
[change]
formula = "change ~ baseline * visit + treatment * visit"
days = [7, 14, 28]
[sites]
names = ["north", "east"]
levels = { treatment = ["A", "B"] }
"""
)


def visits(seed: int) -> pd.DataFrame:
    """Return sixty patients of two arms at four visits, with a sex."""
    rng = np.random.default_rng(seed)
    days = np.array([0, 7, 14, 28])
    start, fall = rng.integers(24, 45, 60), rng.uniform(0, 1, 60)
    score = start[:, None] * (1 - fall[:, None] * days / 28)
    return pd.DataFrame({
        "subject": np.repeat([f"{seed}-{i}" for i in range(60)], 4), "day": np.tile(days, 60),
        "score": np.clip(np.rint(score), 0, 60).ravel(),
        "treatment": np.repeat(np.array(["A", "B"])[np.arange(60) % 2], 4),
        "sex": np.repeat(np.array(["F", "M"])[np.arange(60) // 2 % 2], 4),
    })  # fmt: skip


def summary(site: str, rows: pd.DataFrame, text: str = TEXT) -> trd.sites.SiteSummary:
    windows = {7: 3, 14: 3, 28: 3}
    study = trd.Study(rows, scale="MADRS", windows=windows)
    return trd.summarise_site(plan_of(text), site, minimum=1, study=study)


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_a_hospital_without_baselines_is_named() -> None:
    """All its patients count as not responding, and none can be followed to response."""
    later = visits(2).query("day > 0")
    with pytest.warns(EstimateWarning, match="no rate there"):
        east = summary("east", later)
    assert [w.words.partition(":")[0] for w in east.withheld] == [
        "response (≥ 50 % fall) at day 28 under A", "response (≥ 50 % fall) at day 28 under B",
        "Times to response", "Days in response", "Mixed model",
    ]  # fmt: skip
    together = trd.combine([summary("north", visits(1)), east])
    said = str(together)
    assert "east: response (≥ 50 % fall) at day 28 under A: no subject could be judged; all" in said
    assert "count as not met." in said
    assert "east: Times to response: no subject has a rating after day 0, and a baseline" in said
    table = together.rates().query("outcome == 'response' and measure == 'rate'")
    assert table["n"].tolist() == [60, 60]  # thirty of each arm at each hospital


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
@pytest.mark.filterwarnings("ignore::trdstats.errors.EstimateWarning")
def test_what_is_said_of_counts_that_do_not_leave_tells_nothing_of_them() -> None:
    rows = visits(2)
    few = rows[(rows["treatment"] == "A") | rows["subject"].isin(["2-1", "2-3"])]
    study = trd.Study(few.query("day > 0"), scale="MADRS", windows={7: 3, 14: 3, 28: 3})
    east = trd.summarise_site(plan_of(TEXT), "east", study=study)
    judged = [w.treatment for w in east.withheld if "could be judged" in w.words]
    assert judged == ["A"]  # B has two patients: that none was judged is no longer said
    patients = few.query("day > 0 and treatment == 'B'")
    two = trd.Study(patients, scale="MADRS", windows={7: 3, 14: 3, 28: 3})
    alone = trd.summarise_site(plan_of(TEXT), "east", study=two)
    assert not [w.words for w in alone.withheld if "no subject has a rating" in w.words]


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("treatment", {"A": "a", "B": "b"},
         "'treatment' is 'A', 'B' at north; 'a', 'b' at east. Name them in the plan"),
        ("sex", {"F": 1, "M": 2}, "'sex' is 'F', 'M' at north; a number at east"),
        ("sex", {"F": "female", "M": "male"},
         "'sex' is 'F', 'M' at north; 'female', 'male' at east"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_levels_that_differ_are_named_with_their_hospitals(
    column: str, values: dict[str, object], words: str
) -> None:
    text = TEXT.replace("levels", "# levels")
    text = text.replace("treatment * visit", f"treatment * visit{' + sex' * (column == 'sex')}")
    rows = visits(2)
    given = [summary("north", visits(1), text),
             summary("east", rows.assign(**{column: rows[column].map(values)}), text)]  # fmt: skip
    with pytest.raises(SpecError) as raised:
        trd.combine(given).mixed()
    assert words in str(raised.value)
    assert "frame[c]" not in str(raised.value)


def test_commands_say_limits_of_estimates_in_words(tmp_path: Path) -> None:
    """They were warnings of Python, with a line of a package."""
    visits(2).query("day > 0").to_csv(tmp_path / "visits.csv", index=False)
    (tmp_path / "plan.toml").write_text(TEXT)
    out = tmp_path / "east.json"
    ran = CliRunner().invoke(
        main, ["summarise", str(tmp_path / "plan.toml"), "--site", "east", "-o", str(out)]
    )
    assert ran.exit_code == 0
    assert "Note No subject assessed at day 28 under A can be judged" in ran.stderr
    assert "EstimateWarning" not in ran.output
    assert json.loads(out.read_text())
