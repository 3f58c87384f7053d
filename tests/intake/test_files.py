"""Files as clinics export them: read right, or refused with the reason."""

from __future__ import annotations

import datetime
import gzip
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trdstats import extras, read_study
from trdstats.errors import (
    DataError,
    DataWarning,
    MissingDependencyError,
    SpecError,
    TrdstatsError,
    UnknownNameError,
)
from trdstats.intake.files import read_file, read_table

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1")
SEPARATORS = (",", ";", "\t", "|")
# Words of European languages, and what quotation marks are for.
WORDS = ("Größe", "Rémission", "año", "Mädchen", "smørrebrød", "l’été", "plain", "a,b", "a;b",
         "a|b", "a\tb", "two\nlines", 'said "yes"', "50 %", "1,5", "x – y")  # fmt: skip


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    words=st.lists(st.sampled_from(WORDS), min_size=3, max_size=8),
    ends=st.sampled_from(["\n", "\r\n"]),
    quoted=st.booleans(),
)
def test_every_encoding_and_separator(
    tmp_path: Path, encoding: str, separator: str, words: list[str], ends: str, quoted: bool
) -> None:
    if encoding == "latin-1":
        words = [w.replace("’", "'").replace("–", "-") for w in words]
    frame = pd.DataFrame(
        {
            "subject": [f"{k:03d}" for k in range(len(words))],
            "größe": [160.5 + k for k in range(len(words))],
            "note": words,
            "madrs": range(len(words)),
        }
    )
    text = frame.to_csv(sep=separator, index=False, lineterminator=ends, quoting=1 if quoted else 0)
    path = write(tmp_path / "x.csv", text, encoding)
    table = read_file(path, text=["subject"])
    pd.testing.assert_frame_equal(table.frame, frame)
    said = " ".join(p.summary for p in table.notices)
    assert bool(table.notices) == (encoding not in ("utf-8",) or separator != ",")
    assert ("Windows-1252" in said) == (encoding in ("cp1252", "latin-1"))
    assert ("UTF-16" in said) == encoding.startswith("utf-16")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_named_encoding_is_used(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "x.txt", "id\tort\n1\tKöln\n", encoding)
    assert read_table(path, encoding=encoding)["ort"].tolist() == ["Köln"]


@pytest.mark.parametrize(
    ("word", "encoding"),
    [("Mädchen", "cp850"), ("Größe", "mac_roman"), ("łóżko", "cp1250"), ("Пол", "cp1251"),
     ("Jürgen", "cp437"), ("café", "cp850"), ("niño", "cp850")],
)  # fmt: skip
def test_an_uncertain_encoding_is_asked_for(tmp_path: Path, word: str, encoding: str) -> None:
    path = write(tmp_path / "x.csv", f"id,note\n1,{word}\n", encoding)
    with pytest.raises(DataError, match="not UTF-8, and no other encoding of its text is certain"):
        read_file(path)
    assert read_table(path, encoding=encoding)["note"].tolist() == [word]


def test_the_error_shows_the_word_in_each_encoding(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "id,note\n1,Mädchen\n", "cp850")
    with pytest.raises(DataError, match=r"'Mädchen' in cp850(.|\n)*encoding=\"cp850\""):
        read_file(path)


def test_two_encodings_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("a,b\n1,Köln\n2,Zürich\n".encode() + "3,Münster\n".encode("cp1252"))
    with pytest.raises(DataError, match=r"UTF-8 text except for 1 place(.|\n)*line 4"):
        read_file(path)


def test_bytes_that_are_not_of_the_named_encoding(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "a,b\n1,2\n3,Köln\n", "cp1252")
    with pytest.raises(DataError, match=r"not UTF-8 text(.|\n)*byte 0xf6 in line 3"):
        read_file(path, encoding="utf-8")
    with pytest.raises(SpecError, match="Unknown encoding 'utf-9'"):
        read_file(path, encoding="utf-9")


def test_a_workbook_called_csv(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    pd.DataFrame({"a": [1]}).to_excel(tmp_path / "x.xlsx", index=False)
    path.write_bytes((tmp_path / "x.xlsx").read_bytes())
    with pytest.raises(DataError, match="a workbook or an archive"):
        read_file(path)


def test_an_uncertain_separator_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "a;b,c\n1;2,3\n4;5,6\n")
    with pytest.raises(DataError, match=r"commas \(2 columns\) or semicolons \(2 columns\)"):
        read_file(path)
    assert list(read_table(path, separator=";")) == ["a", "b,c"]
    with pytest.raises(SpecError, match="one ASCII character"):
        read_file(path, separator=";;")


def test_excel_says_its_separator(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "sep=|\r\na|b,c\r\n1|2\r\n")
    assert read_table(path).to_dict("list") == {"a": [1], "b,c": [2]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b,c\n1,2,3\n4,5\n6,7,8\n", "line 3 has 2 fields"),
        ("a,b,c\n1,2,3\n4,5,6,7\n", "line 3 has 4 fields"),
        # One line too long and one too short: together they have the right number.
        ("a,b,c\n1,2,3,4\n5,6\n7,8,9\n", "line 2 has 4 fields; line 3 has 2 fields"),
        ('a,b,c\n1,"x\ny",3\n\n4,5\n', "line 5 has 2 fields"),
        ('a,b,c\n1,5" wide,3\n4,5\n', "line 3 has 2 fields"),
        ("Export of today\n\na,b,c\n1,2,3\n4,5,6\n", "names 1 column, every other line has 3"),
        ('a,b\n1,"open\n2,3\n', "not closed|EOF inside string|more or fewer"),
        ("a,b,a\n1,2,3\n", "columns share a name: 'a'"),
    ],
)
def test_ragged_text_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(TrdstatsError, match=words):
        read_file(write(tmp_path / "x.csv", text))


def test_ragged_rows_far_into_a_long_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trdstats.intake.files import rows

    monkeypatch.setattr(rows, "_PIECE", 64)
    lines = [f'{k},"a\n{k}",x' for k in range(200)]
    good = write(tmp_path / "x.csv", "a,b,c\n" + "\n".join(lines) + "\n")
    assert len(read_table(good)) == 200
    lines[150] = "150,x"
    bad = write(tmp_path / "y.csv", "a,b,c\n" + "\n".join(lines) + "\n")
    with pytest.raises(DataError, match="line 302 has 2 fields"):
        read_file(bad)


def test_marks_inside_fields_do_not_mislead(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", 'a,b\n1,5" wide\n2,7\n')
    assert read_table(path)["b"].tolist() == ['5" wide', "7"]


def test_blank_lines_and_empty_ends(tmp_path: Path) -> None:
    table = read_file(write(tmp_path / "x.csv", "a;b;\n1;2;\n  \n3;4;\n;;\n;;\n"))
    assert table.frame.to_dict("list") == {"a": [1, 3], "b": [2, 4]}
    assert any("2 rows at the end of the table hold nothing" in p.summary for p in table.notices)


def test_nothing_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'x\.csv' is empty"):
        read_file(write(tmp_path / "x.csv", "\ufeff\n"))


def test_everything_as_written(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "a;b;c\n01;1.234;NA\n2;5;\n")
    frame = read_file(path, text="all").frame
    assert frame.loc[0].tolist() == ["01", "1.234", "NA"]
    assert frame["c"].isna().tolist() == [False, True]


def test_decimal_commas(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "subject;bmi;dose;choice\n1;23,7;1,000;1,2,3\n2;31;2;1,2\n")
    assert read_file(path).frame["bmi"].tolist() == ["23,7", "31"]
    frame = read_table(path, text=["subject"])
    assert frame["bmi"].tolist() == [23.7, 31.0]
    assert frame["dose"].tolist() == [1.0, 2.0]  # 23,7 shows what commas are
    assert frame["choice"].tolist() == ["1,2,3", "1,2"]


def test_a_comma_that_may_separate_thousands(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "subject;dose\n1;1,200\n2;2,400\n")
    with pytest.warns(DataWarning, match="separate thousands"):
        assert read_table(path)["dose"].tolist() == ["1,200", "2,400"]


def test_a_point_that_may_separate_thousands(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "a;bmi;dose;q\n1;23,7;1.200;0.5\n2;31,2;2.400;1.25\n")
    with pytest.warns(DataWarning, match=r"1\.234(.|\n)*'dose'"):
        frame = read_table(path)
    assert frame["dose"].tolist() == ["1.200", "2.400"]
    assert frame["q"].tolist() == [0.5, 1.25]


def test_a_study_of_a_german_file(tmp_path: Path) -> None:
    text = "subject;treatment;day;score;größe\n" + "".join(
        f"{s};{t};{d};{30 - d};1,{60 + s}\n" for s, t in ((1, "Ä"), (2, "B")) for d in (0, 14)
    )
    path = write(tmp_path / "x.csv", text, "cp1252")
    study = read_study(path, scale="MADRS")
    assert study.subjects["größe"].tolist() == [1.61, 1.62]
    assert [p.kind for p in study.notices[:2]] == ["how_read", "decimal_commas"]


CELLS: list[list[Any]] = [
    ["subject", "visit_date", "madrs", "rated"],
    ["P1", datetime.datetime(2024, 1, 5), 30, True],
    ["P2", datetime.datetime(2024, 2, 6), None, False],
    ["P3", None, 12.5, True],
]


def xlsx(path: Path, sheets: dict[str, list[list[Any]]], merge: str = "") -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if merge:
            sheet.merge_cells(merge)
    book.save(path)
    return path


def ods(path: Path, sheets: dict[str, list[list[Any]]], merge: str = "") -> Path:
    """Write what LibreOffice writes, with its rows and cells that repeat."""
    body = ""
    for name, rows in sheets.items():
        body += f'<table:table table:name="{name}">'
        for i, row in enumerate(rows):
            cells = "".join(_ods_cell(v, merge and i == 0 and j == 0) for j, v in enumerate(row))
            body += (
                f"<table:table-row>{cells}"
                '<table:table-cell table:number-columns-repeated="16380"/></table:table-row>'
            )
        body += (
            '<table:table-row table:number-rows-repeated="1048570"><table:table-cell '
            'table:number-columns-repeated="16384"/></table:table-row></table:table>'
        )
    names = {
        "office": "office:1.0", "table": "table:1.0", "text": "text:1.0",
    }  # fmt: skip
    space = " ".join(
        f'xmlns:{k}="urn:oasis:names:tc:opendocument:xmlns:{v}"' for k, v in names.items()
    )
    calcext = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {space} {calcext}>'
        f"<office:body><office:spreadsheet>{body}</office:spreadsheet></office:body>"
        "</office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
    return path


def _ods_cell(value: Any, spans: bool) -> str:
    span = ' table:number-columns-spanned="3"' if spans else ""
    if value is None:
        return f"<table:table-cell{span}/>"
    if isinstance(value, bool):
        given = f'office:value-type="boolean" office:boolean-value="{str(value).lower()}"'
    elif isinstance(value, datetime.datetime):
        given = f'office:value-type="date" office:date-value="{value.date().isoformat()}"'
    elif isinstance(value, int | float):
        given = f'office:value-type="float" office:value="{value}"'
    elif value.startswith("#"):
        given = 'office:value-type="string" office:string-value="" calcext:value-type="error"'
    else:
        given = 'office:value-type="string"'
    return f"<table:table-cell {given}{span}><text:p>{value}</text:p></table:table-cell>"


WORKBOOKS = pytest.mark.parametrize("write_book", [xlsx, ods])


@WORKBOOKS
def test_a_sheet(tmp_path: Path, write_book: Any) -> None:
    path = write_book(tmp_path / f"x.{write_book.__name__}", {"Ratings": CELLS})
    frame = read_file(path).frame
    assert list(frame) == CELLS[0]
    assert frame["subject"].tolist() == ["P1", "P2", "P3"]
    assert frame["visit_date"].dt.day.tolist()[:2] == [5, 6]
    assert frame["madrs"].dtype == float
    assert frame["madrs"].isna().tolist() == [False, True, False]
    assert frame["rated"].tolist() == [True, False, True]


@WORKBOOKS
def test_sheets_are_named(tmp_path: Path, write_book: Any) -> None:
    sheets = {"Ratings": CELLS, "Notes": [["note"], ["x"]]}
    path = write_book(tmp_path / f"x.{write_book.__name__}", sheets)
    with pytest.raises(SpecError, match=r"has 2 sheets: 'Ratings', 'Notes'. Name one"):
        read_file(path)
    with pytest.raises(UnknownNameError, match="Did you mean 'Ratings'"):
        read_file(path, sheet="ratings")
    assert len(read_table(path, sheet="Notes")) == 1


@WORKBOOKS
def test_titles_above_the_header(tmp_path: Path, write_book: Any) -> None:
    rows = [["Export of today", None, None, None], [None] * 4, *CELLS]
    path = write_book(tmp_path / f"x.{write_book.__name__}", {"A": rows})
    with pytest.raises(DataError, match="Row 3 looks like the header: delete the rows above it"):
        read_file(path)


@WORKBOOKS
def test_merged_cells(tmp_path: Path, write_book: Any) -> None:
    rows = [["Ratings", None, None, "d"], *CELLS]
    path = write_book(tmp_path / f"x.{write_book.__name__}", {"A": rows}, merge="A1:C1")
    with pytest.raises(DataError, match=r"merged cells(.|\n)*A1:C1(.|\n)*Unmerge"):
        read_file(path)


@WORKBOOKS
def test_formula_errors_are_counted(tmp_path: Path, write_book: Any) -> None:
    rows = [["subject", "madrs"], ["P1", "#N/A"], ["P2", 20], ["P3", "#DIV/0!"]]
    path = write_book(tmp_path / f"x.{write_book.__name__}", {"A": rows})
    with pytest.warns(DataWarning, match=r"2 cells hold formula errors(.|\n)*#N/A in 'madrs'"):
        frame = read_table(path)
    assert frame["madrs"].isna().tolist() == [True, False, True]


@WORKBOOKS
def test_empty_and_shared_names(tmp_path: Path, write_book: Any) -> None:
    ending = write_book.__name__
    with pytest.raises(DataError, match="is empty"):
        read_file(write_book(tmp_path / f"x.{ending}", {"A": []}))
    path = write_book(tmp_path / f"y.{ending}", {"A": [["a", "b", "a"], [1, 2, 3]]})
    with pytest.raises(DataError, match="columns share a name: 'a'"):
        read_file(path)


@WORKBOOKS
def test_identifiers_of_a_sheet(tmp_path: Path, write_book: Any) -> None:
    rows = [["subject", "day"], [7, 0], ["P8", 1]]
    path = write_book(tmp_path / f"x.{write_book.__name__}", {"A": rows})
    assert read_table(path, text=["subject"])["subject"].tolist() == ["7", "P8"]


def test_formulas_without_a_value(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "x.xlsx", {"A": [["a", "b"], [1, "=A2*2"]]})
    with pytest.raises(DataError, match=r"1 formula has no stored value(.|\n)*B2(.|\n)*save it"):
        read_file(path)


def test_a_protected_workbook(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 100)
    with pytest.raises(TrdstatsError, match="protected by a password or an old"):
        read_file(path)


def test_one_workbook_for_all_tables(tmp_path: Path) -> None:
    visits = [["subject", "day", "score"], [1, 0, 30], [1, 7, 20], [2, 0, 31], [2, 7, 10]]
    people = [["subject", "treatment"], [1, "ECT"], [2, "TMS"]]
    path = xlsx(tmp_path / "x.xlsx", {"Ratings": visits, "Patients": people})
    sheets = {"visits": "Ratings", "subjects": "Patients"}
    study = read_study(path, path, sheet=sheets, scale="MADRS")
    assert study.treatments == ("ECT", "TMS")
    with pytest.raises(UnknownNameError, match="table of a study"):
        read_study(path, path, sheet={"visit": "Ratings"}, scale="MADRS")


CODED = pd.DataFrame({"id": [1.0, 2.0, 3.0], "arm": [1.0, 2.0, 2.0], "madrs": [30.0, 999.0, 12.0]})
LABELS = {"arm": {1.0: "ECT", 2.0: "TMS"}, "madrs": {999.0: "not done"}}


def test_spss_labels_and_missing_values(tmp_path: Path) -> None:
    path = tmp_path / "x.sav"
    pyreadstat.write_sav(
        CODED, str(path), variable_value_labels=LABELS,
        missing_ranges={"madrs": [{"lo": 990, "hi": 999}]},
    )  # fmt: skip
    table = read_file(path)
    assert table.frame["arm"].tolist() == [1, 2, 2]
    assert table.labels["arm"] == {1: "ECT", 2: "TMS"}
    assert table.frame["madrs"].isna().tolist() == [False, True, False]
    (notice,) = table.notices
    assert notice.where == ("'madrs': 999 (not done), 1 times",)


def test_stata_labels_and_missing_values(tmp_path: Path) -> None:
    path = tmp_path / "x.dta"
    frame = CODED.assign(madrs=pd.Series([30, "a", 12], dtype=object))
    pyreadstat.write_dta(
        frame, str(path), variable_value_labels={"arm": {1: "ECT", 2: "TMS"}},
        missing_user_values={"madrs": ["a"]},
    )  # fmt: skip
    table = read_file(path)
    assert table.labels["arm"] == {1: "ECT", 2: "TMS"}
    assert table.frame["madrs"].tolist()[::2] == [30, 12]
    assert np.isnan(table.frame["madrs"][1])
    assert table.notices[0].where == ("'madrs': a, 1 times",)


def test_compressed_files(tmp_path: Path) -> None:
    text = "subject;bmi\n1;23,7\n".encode("cp1252")
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(text))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("folder/x.csv", text)
        archive.writestr("__MACOSX/folder/._x.csv", b"\x00")
    for name in ("x.csv.gz", "x.zip"):
        assert read_table(tmp_path / name)["bmi"].tolist() == [23.7]


def test_archives_that_hold_several_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
        archive.writestr("b.csv", "a\n1\n")
    with pytest.raises(TrdstatsError, match=r"holds 2 files: 'a\.csv', 'b\.csv'"):
        read_file(tmp_path / "x.zip")
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"a\n1\n"))
    with pytest.raises(UnknownNameError, match="Unknown file type 'x'"):
        read_file(tmp_path / "x.gz")


def test_arguments_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"sheet is for \.xlsx, \.ods files, not for \.csv"):
        read_file(write(tmp_path / "x.csv", "a\n1\n"), sheet="A")
    with pytest.raises(SpecError, match="separator is for"):
        read_file(tmp_path / "x.sav", separator=";")


def test_a_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ImportError(name)

    path = xlsx(tmp_path / "x.xlsx", {"A": CELLS})
    monkeypatch.setattr(extras, "import_module", refuse)
    with pytest.raises(MissingDependencyError, match=r'openpyxl, .*: pip install "trdstats\[io\]"'):
        read_file(path)


def test_a_tab_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "visits.txt"
    path.write_text("subject\tday\tnote\nA\t0\tone, two\nB\t7\tthree, four\n", "utf-8")
    assert list(read_table(path, separator="\t")["note"]) == ["one, two", "three, four"]
    with pytest.raises(SpecError, match="separator must not be an empty text"):
        read_table(path, separator=" ")
