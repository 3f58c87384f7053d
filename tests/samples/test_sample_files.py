"""The committed files are what the generator writes, and the dictionary tells the truth."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from xml.etree.ElementTree import ParseError, canonicalize

import pandas as pd
import pytest

from trdstats.simulate import write_samples
from trdstats.simulate.load import load_parameters

COMMITTED = Path(__file__).resolve().parents[2] / "sample_data"
TABLES = [
    f"{study}/{table}.csv"
    for study in ("modalities", "trial")
    for table in ("visits", "subjects", "events")
]
REGISTRY = [f"registry/{table}.csv" for table in ("patients", "qids", "phq9", "defects")]
# Compressed files may differ in bytes between versions of the compression library.
PACKED = ["exports/visits.csv.gz", "exports/wide.xlsx", "exports/visits.ods"]
EXPORTS = [
    f"exports/{name}"
    for name in ("redcap_classic.csv", "redcap_repeating.csv", "redcap_dictionary.csv",
                 "redcap_events.csv", "klinik.csv", "visits.sav", "visits.dta", "adsl.xpt",
                 "adqs.xpt", "adtte.xpt", "rates.csv", "README.md")
]  # fmt: skip
FILES = [
    *EXPORTS,
    *TABLES,
    *REGISTRY,
    "modalities/study.toml",
    "trial/study.toml",
    "achieved.csv",
    "README.md",
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder)
    return folder


@pytest.mark.parametrize("name", FILES)
def test_regenerating_gives_the_committed_bytes(written: Path, name: str) -> None:
    assert (written / name).read_bytes() == (COMMITTED / name).read_bytes()


def contents(path: Path) -> dict[str, bytes]:
    if path.suffix == ".gz":
        return {"": gzip.decompress(path.read_bytes())}
    with zipfile.ZipFile(path) as archive:
        return {name: canonical(archive.read(name)) for name in archive.namelist()}


def canonical(content: bytes) -> bytes:
    """Return XML in its canonical form: writers with and without lxml differ in nothing else."""
    try:
        return canonicalize(content.decode("utf-8")).encode()
    except (ParseError, UnicodeDecodeError):
        return content


@pytest.mark.parametrize("name", PACKED)
def test_regenerating_gives_the_committed_contents(written: Path, name: str) -> None:
    assert contents(written / name) == contents(COMMITTED / name)


def test_nothing_else_is_committed() -> None:
    found = {str(p.relative_to(COMMITTED)) for p in COMMITTED.rglob("*") if p.is_file()}
    # Figures of published trials are transcribed, not simulated.
    assert found == {*FILES, *PACKED, "published_trials.csv"}


@pytest.mark.parametrize("name", [*TABLES, *REGISTRY])
def test_lines_end_in_lf_and_integers_stay_integers(name: str) -> None:
    data = (COMMITTED / name).read_bytes()
    assert b"\r" not in data
    assert b".0," not in data
    assert b".0\n" not in data


def test_the_module_runs_as_a_command(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "trdstats.simulate", str(tmp_path / "new")],
        check=True,
        cwd=COMMITTED.parent,
    )
    assert (tmp_path / "new" / "achieved.csv").read_bytes() == (
        COMMITTED / "achieved.csv"
    ).read_bytes()


def test_study_files_hold_the_windows_of_the_parameters() -> None:
    p = load_parameters()
    modalities = tomllib.loads((COMMITTED / "modalities/study.toml").read_text(encoding="utf-8"))
    trial = tomllib.loads((COMMITTED / "trial/study.toml").read_text(encoding="utf-8"))
    assert modalities["randomised"] is False
    assert trial["randomised"] is True
    pairs = [(modalities["windows"][k], c.schedule) for k, c in p.cohorts.items()]
    for windows, schedule in [*pairs, (trial["windows"], p.trial.schedule)]:
        expected = dict(zip(schedule.days, schedule.half_widths, strict=True))
        assert {float(k): v for k, v in windows.items()} == expected
    for study in (modalities, trial):
        assert (study["scale"], study["score"]) == ("MADRS", "madrs")
        assert "simulated" in study["title"]


def test_readme_table_is_the_achieved_table() -> None:
    text = (COMMITTED / "README.md").read_text(encoding="utf-8")
    lines = iter(text.splitlines())
    header = next(line for line in lines if line.startswith("| study |"))
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    columns = [cell.strip() for cell in header.strip("|").split("|")]
    shown = pd.DataFrame(rows, columns=columns)
    kept = pd.read_csv(COMMITTED / "achieved.csv", dtype=str)
    pd.testing.assert_frame_equal(shown, kept, check_dtype=False)


def test_readme_says_simulated_the_seed_and_the_command() -> None:
    text = (COMMITTED / "README.md").read_text(encoding="utf-8")
    assert "All subjects in this folder are simulated" in text
    assert f"seed {load_parameters().seed}" in text
    assert "python -m trdstats.simulate sample_data" in text


def test_readme_names_every_column() -> None:
    text = (COMMITTED / "README.md").read_text(encoding="utf-8")
    for name in [*TABLES, *REGISTRY]:
        for column in pd.read_csv(COMMITTED / name, nrows=1).columns:
            # Items are described together, in the row of the first.
            column = re.sub(r"(qids|phq9)_\d+", r"\1_1", column)
            assert f"| `{column}` |" in text, column
