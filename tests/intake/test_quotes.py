"""Quotation marks that open a field by mistake, and files under a name that is not theirs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from trdstats.errors import DataError, DataWarning, TrdstatsError
from trdstats.intake.files import read_file, rows
from trdstats.study import read_study

HEAD = "subject,treatment,day,score,note\n"
ROWS = [f"P{i},TMS,{day},{score},ok\n" for i in range(1, 5) for day, score in ((0, 30), (14, 12))]


def written(path: Path, rows: list[str]) -> Path:
    path.write_text(HEAD + "".join(rows))
    return path


@pytest.mark.parametrize(
    ("first", "second"), [('"bad\n', '"worse\n'), ('"bad\n', '5"\n'), ('"bad\n', '"\n')]
)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_rows_between_stray_quotation_marks_are_not_lost(
    tmp_path: Path, first: str, second: str, ends: str
) -> None:
    """The rows of two subjects became one note, without a word."""
    lines = list(ROWS)
    lines[2] = lines[2].replace("ok\n", first)
    lines[5] = lines[5].replace("ok\n", second)
    path = tmp_path / "v.csv"
    path.write_bytes((HEAD + "".join(lines)).replace("\n", ends).encode())
    words = r"1 field of 'v.csv' in quotation marks holds lines that are rows(.|\n)*lines 4 to 7"
    with pytest.raises(DataError, match=words):
        read_file(path)


@pytest.mark.parametrize("row", [2, 7])
def test_a_quotation_mark_that_is_not_closed(tmp_path: Path, row: int) -> None:
    lines = list(ROWS)
    lines[row] = lines[row].replace("ok\n", '"bad\n')
    words = rf"A quotation mark of 'v.csv' is not closed(.|\n)*it opens in line {row + 2} "
    with pytest.raises(DataError, match=words):
        read_file(written(tmp_path / "v.csv", lines))


def test_notes_of_several_lines_are_read(tmp_path: Path) -> None:
    lines = list(ROWS)
    lines[2] = lines[2].replace("ok", '"better,\nslept, ate, laughed\nand said ""no"""')
    lines[4] = lines[4].replace("ok", '5" scar')
    table = read_file(written(tmp_path / "v.csv", lines)).frame
    assert len(table) == 8
    assert table["note"][2] == 'better,\nslept, ate, laughed\nand said "no"'
    assert table["note"][4] == '5" scar'


def test_notes_of_several_lines_in_the_middle(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": [1, 2], "note": ["a\nb", "c"], "score": [3, 4]})
    frame.to_csv(tmp_path / "v.csv", index=False)
    pd.testing.assert_frame_equal(read_file(tmp_path / "v.csv").frame, frame)


@pytest.mark.parametrize("ending", [".xlsx", ".ods", ".parquet", ".sav", ".dta", ".gz", ".zip"])
def test_text_under_another_name(tmp_path: Path, ending: str) -> None:
    path = written(tmp_path / f"v{ending}", ROWS)
    words = f"cannot be read: it holds text, and is no {ending} file"
    with pytest.raises(TrdstatsError, match=words):
        read_file(path)


def test_commas_that_may_separate_thousands(tmp_path: Path) -> None:
    lines = [r.replace(",14,", ',"1,014",') for r in ROWS]
    with (
        pytest.warns(DataWarning, match=r"Commas may be decimal marks or separate thousands"),
        pytest.raises(DataError, match=r"'1,014' in row 1(.|\n)*may separate thousands or be"),
    ):
        read_study(written(tmp_path / "v.csv", lines), scale="MADRS")


def test_stray_quotation_marks_far_into_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_PIECE", 40)
    lines = [*ROWS] * 3
    lines[2] = lines[2].replace("ok", '"better,\nslept"')
    assert len(read_file(written(tmp_path / "v.csv", lines)).frame) == len(lines)
    lines[18] = lines[18].replace("ok\n", '"bad\n')
    lines[21] = lines[21].replace("ok\n", '5"\n')
    with pytest.raises(DataError, match=r"holds lines that are rows(.|\n)*lines 21 to 24"):
        read_file(written(tmp_path / "v.csv", lines))
    lines[21] = ROWS[0]
    with pytest.raises(DataError, match=r"is not closed(.|\n)*it opens in line 21 "):
        read_file(written(tmp_path / "v.csv", lines))
