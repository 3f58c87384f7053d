"""Files in, the same study out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyreadstat
import pytest

from trdstats import extras, read_study
from trdstats.errors import MissingDependencyError, TrdstatsError, UnknownNameError
from trdstats.study import read_table

REFERENCE = Path(__file__).resolve().parents[1] / "reference"

WRITERS = {
    ".csv": lambda d, p: d.to_csv(p, index=False),
    ".parquet": lambda d, p: d.to_parquet(p, index=False),
    ".xpt": lambda d, p: pyreadstat.write_xport(d, str(p)),
    ".sav": lambda d, p: pyreadstat.write_sav(d, str(p)),
    ".dta": lambda d, p: pyreadstat.write_dta(d, str(p)),
}


@pytest.mark.parametrize("suffix", list(WRITERS))
def test_formats(tiny: pd.DataFrame, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"visits{suffix}"
    # Transport files keep names of eight characters.
    WRITERS[suffix](tiny.rename(columns={"treatment": "trt"}), path)
    study = read_study(path, scale="MADRS", treatment="trt")
    assert study.visits["score"].tolist() == tiny["score"].tolist()
    assert study.subjects["treatment"].tolist() == ["ECT", "TMS"]


def test_sas7bdat() -> None:
    frame = read_table(REFERENCE / "sas7bdat" / "iris.sas7bdat")
    assert frame.shape == (150, 5)
    assert frame.iloc[0, 0] == pytest.approx(5.1)  # first flower of the classical table


def test_three_files(tiny: pd.DataFrame, tmp_path: Path) -> None:
    tiny.drop(columns="treatment").to_csv(tmp_path / "v.csv", index=False)
    subjects = pd.DataFrame({"subject": ["A", "B"], "treatment": ["ECT", "TMS"], "age": [40, 50]})
    subjects.to_csv(tmp_path / "s.csv", index=False)
    pd.DataFrame({"subject": ["A"], "day": [9], "event": ["rescue"]}).to_csv(
        tmp_path / "e.csv", index=False
    )
    study = read_study(tmp_path / "v.csv", tmp_path / "s.csv", tmp_path / "e.csv", scale="MADRS")
    assert study.subjects["age"].tolist() == [40, 50]
    assert len(study.events) == 1


def test_unknown_ending(tmp_path: Path) -> None:
    with pytest.raises(
        UnknownNameError, match=r"Unknown file type '\.xls'\. Did you mean '\.xlsx'"
    ):
        read_table(tmp_path / "visits.xls")


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(TrdstatsError, match="There is no file"):
        read_table(tmp_path / "visits.csv")


@pytest.mark.parametrize(
    "suffix", [".xlsx", ".ods", ".gz", ".zip", ".parquet", ".xpt", ".sas7bdat", ".sav", ".dta"]
)
def test_broken_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"visits{suffix}"
    path.write_bytes(b"not a table")
    with pytest.raises(TrdstatsError, match="cannot be read"):
        read_table(path)


def test_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(extras, "import_module", refuse)
    path = tmp_path / "visits.sav"
    path.write_bytes(b"")
    with pytest.raises(
        MissingDependencyError, match=r'pyreadstat, .*: pip install "trdstats\[io\]"'
    ):
        read_table(path)
