"""The packaged figures are met here, are those of the tests, and a wrong one is found."""

from __future__ import annotations

import importlib.util
import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import trdstats as trd
from trdstats.cli import main
from trdstats.selfcheck import cases, check
from trdstats.selfcheck.cases import FOLDER, Figure, read_cases
from trdstats.selfcheck.recipes import RECIPES

ROOMS = {
    "rates", "outcomes", "scales", "survival", "longitudinal", "imputation", "comparison",
    "handworked", "multiplicity",
}  # fmt: skip


@pytest.fixture(scope="module")
def certificate() -> trd.Certificate:
    return trd.selfcheck()


def test_every_figure_is_met(certificate: trd.Certificate) -> None:
    assert certificate.passes, repr(certificate)
    assert len(certificate.figures) >= 1500
    assert set(certificate.tidy()["room"]) == ROOMS
    assert (certificate.tidy()["figures"] == certificate.tidy()["met"]).all()


def test_it_takes_seconds() -> None:
    start = time.process_time()
    trd.selfcheck()
    assert time.process_time() - start < 60


def test_every_figure_has_its_source_and_tolerance() -> None:
    read = read_cases()
    assert all(c.provenance and c.tolerance and c.title for c in read)
    assert {c.recipe for c in read} == set(RECIPES)
    programs = ("R 4.2.2", "SAS documentation", "worked by hand", "a stand-alone script", "Rush",
                "Dunnett 1964", "Montgomery")  # fmt: skip
    assert all(c.provenance.startswith(programs) for c in read)
    # A tolerance that no wrong number could miss is none: at most 1 % of a figure, but for
    # differences near 0 and what is printed with two digits.
    loose = [
        (c.title, f.name)
        for c in read
        for f in c.figures
        if f.allowed > 0.01 * max(abs(f.value), 0.05) and "printed" not in c.tolerance
        and not f.name.startswith("effect") and "R's standard error" not in c.tolerance
    ]  # fmt: skip
    assert not loose


def builder() -> Any:
    path = Path(__file__).with_name("build_cases.py")
    spec = importlib.util.spec_from_file_location("build_cases", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_packaged_figures_are_those_of_the_reference_values() -> None:
    built = builder()
    for name in built.FILES:
        assert (FOLDER / f"{name}.json").read_text("utf-8") == built.text_of(name), (
            f"run tests/selfcheck/build_cases.py: {name}.json is not what the tests hold"
        )
    assert {p.stem for p in FOLDER.glob("*.json")} == set(built.FILES)
    for path in FOLDER.glob("*.csv"):
        assert path.read_bytes() == (built.REFERENCE / "trial" / path.name).read_bytes()


@pytest.mark.parametrize("case", read_cases(), ids=lambda c: f"{c.recipe}: {c.title}")
def test_a_tampered_figure_is_found(case: cases.Case) -> None:
    """Every figure of every case, moved by three times what is allowed."""
    moved = tuple(
        Figure(f.name, f.value + 3 * max(f.allowed, 1e-9), f.allowed) for f in case.figures
    )
    result = check.certify([replace(case, figures=moved)])
    assert result.n_met == 0


def test_the_command_passes_and_writes_a_certificate(tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    result = CliRunner().invoke(main, ["selfcheck", "--out", str(path)])
    assert result.exit_code == 0, result.output
    assert "Outcome   passes" in result.output
    written = json.loads(path.read_text("utf-8"))
    assert written["passes"]
    assert written["figures"] == written["met"] >= 300
    assert {"trdstats", "Python", "numpy", "scipy", "statsmodels", "lifelines"} <= set(
        written["versions"]
    )
    assert written["failures"] == []
    assert {r["room"] for r in written["rooms"]} == ROOMS
    assert all(math.isfinite(r["worst"]) for r in written["rooms"])


def test_the_command_names_a_wrong_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (FOLDER / "small.json").read_text("utf-8")
    entries = json.loads(text)
    figures = entries[0]["figures"]
    figures["restricted mean to day 4"][0] += 1e-6
    (tmp_path / "small.json").write_text(json.dumps(entries), "utf-8")
    monkeypatch.setattr(cases, "FOLDER", tmp_path)
    path = tmp_path / "out.txt"
    result = CliRunner().invoke(main, ["selfcheck", "-o", str(path)])
    assert result.exit_code == 1
    assert "DOES NOT PASS" in result.output
    assert "Six subjects: restricted mean to day 4" in result.output
    failures = json.loads(path.read_text("utf-8"))["failures"]
    assert [f["figure"] for f in failures] == ["restricted mean to day 4"]
    assert failures[0]["provenance"].startswith("worked by hand")


def test_a_part_that_breaks_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(inputs: Any) -> dict[str, float]:
        raise RuntimeError("no such library")

    monkeypatch.setitem(RECIPES, "six_subjects", broken)
    own = [c for c in read_cases() if c.room in ("handworked", "multiplicity")]
    result = check.certify(own)
    assert {f.case for f in result.failures} == {"Six subjects"}
    assert "Six subjects: RuntimeError: no such library." in repr(result)
    assert result.to_dict()["failures"][0]["computed"] is None


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "certificate.json"
    result = CliRunner().invoke(main, ["selfcheck", "-o", str(path)])
    assert result.exit_code == 2
    assert "cannot be written: No such file or directory. Name another file." in " ".join(
        result.output.split()
    )


def test_a_certificate_shows_itself(certificate: trd.Certificate) -> None:
    assert repr(certificate) == certificate.summary().to_text()
    assert certificate._repr_html_() == certificate.summary().to_html()
    assert certificate.tidy().columns.tolist() == [
        "room", "figures", "met", "worst", "worst_figure",
    ]  # fmt: skip
