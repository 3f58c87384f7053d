"""A plan says one thing; what it cannot mean is refused with the line on which it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from trdstats import read_plan
from trdstats.errors import PlanError, SpecError
from trdstats.outcomes import definition_from_mapping
from trdstats.plan.reading.problems import find_line

PLAN = """# line 1
title = "A plan"
[study]
sample = "trial"
[definitions]
relapse = { at_least = 22, consecutive = 2 }
[analysis]
acute_end = 28
rate_days = [14, 28]
horizon = 28
"""


def refused(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "plan.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PlanError) as caught:
        read_plan(path)
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert old in PLAN
    return PLAN.replace(old, new)


def test_the_plan_itself_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, "utf-8")
    assert read_plan(path).title == "A plan"


@pytest.mark.parametrize("beside", ['visits = "v.csv"', 'scale = "MADRS"', "randomised = true"])
def test_a_sample_stands_alone(tmp_path: Path, beside: str) -> None:
    said = refused(tmp_path, changed('sample = "trial"', f'sample = "trial"\n{beside}'))
    assert "names a sample and" in said
    assert "keep `sample` alone or remove it (line 5)" in said


def test_unknown_keys_beside_a_sample(tmp_path: Path) -> None:
    said = refused(tmp_path, changed('sample = "trial"', 'sample = "trial"\nsubjcts = "s.csv"'))
    assert "the study has an unknown key 'subjcts'; did you mean 'subject" in said
    assert "(line 5)" in said


OWN = 'visits = "v.csv"\nscale = "MADRS"\n'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("subjects = 3", 'subjects must be the path of one file, for example "visits.csv"; got 3'),
        ('events = ["a.csv", "b.csv"]', "events must be the path of one file"),
        ('randomised = "no"', "randomised must be true or false, without quotation marks"),
        ("randomised = 1", "randomised must be true or false"),
        ('treatment = ["a"]', "treatment must be the name of a column"),
        ("day = 7", "day must be the name of a column"),
        ("score = { MADRS = 3 }", "score must be the name of a column, or one for each scale"),
        ('windows = "7 = 2"', "windows must be a table of days and widths"),
        ('treatments = "TMS"', "treatments must be a list of texts"),
        ('treatments = ["TMS", "TMS"]', "each treatment once"),
        ('baseline = ""', "baseline must be the name of a column"),
        ("baseline = 2026-01-01", "baseline must be the name of a column"),
    ],
)
def test_wrong_kinds_in_the_study(tmp_path: Path, line: str, words: str) -> None:
    said = refused(tmp_path, changed('sample = "trial"\n', f"{OWN}{line}\n"))
    assert words in said
    assert "(line 6)" in said


@pytest.mark.parametrize("scale", ["3", "[]", '["MADRS", 3]', "true"])
def test_scales_that_are_no_names(tmp_path: Path, scale: str) -> None:
    said = refused(tmp_path, changed('sample = "trial"', f'visits = "v.csv"\nscale = {scale}'))
    assert "scale must be the name of an instrument" in said
    assert "(line 5)" in said


@pytest.mark.parametrize(
    ("old", "new", "words", "line"),
    [
        ('title = "A plan"', "title = 5", "title must be a text; got 5", 2),
        ("horizon = 28", "horizon = inf", "horizon must be a number of days", 10),
        ("horizon = 28", "horizon = nan", "horizon must be a number of days", 10),
        ("horizon = 28", "horizon = true", "horizon must be a number of days", 10),
        ("[14, 28]", "[]", "rate_days must be a list of days", 9),
        ("[14, 28]", "[14, inf]", "rate_days must be a list of days", 9),
        ("acute_end = 28", "acute_end = {}", "acute_end must be a day", 8),
        ("acute_end = 28", "acute_end = [28]", "acute_end must be a day", 8),
        ("horizon = 28", "horizon = 28\ncompeting = [1]", "competing must be a list of texts", 11),
        ("horizon = 28", "horizon = 28\nreference = [1]", "reference must be the name", 11),
        ("{ at_least = 22, consecutive = 2 }", "{}", "definition 'relapse'", 6),
        ("{ at_least = 22, consecutive = 2 }", "true", "definition 'relapse'", 6),
        ("relapse =", "published = 'sustain1'\nrelapse =", "unknown key 'published'", 6),
        (
            "{ at_least = 22, consecutive = 2 }",
            '{ published = "sustain1", at_least = 20 }',
            "a published definition stands as it is: remove 'at_least'",
            6,
        ),
    ],
)
def test_wrong_kinds_elsewhere(tmp_path: Path, old: str, new: str, words: str, line: int) -> None:
    said = refused(tmp_path, changed(old, new))
    assert words in said
    assert f"(line {line})" in said


@pytest.mark.parametrize("text", ["visits.csv", "is", "published", "this", ""])
def test_a_definition_given_as_a_text(tmp_path: Path, text: str) -> None:
    """``"is" in "visits.csv"`` is true of the letters and means nothing."""
    said = refused(tmp_path, changed("[analysis]", f'response = "{text}"\n[analysis]'))
    assert "definition 'response': it must be a table such as { reduction = 0.5 }" in said
    assert "(line 7)" in said
    with pytest.raises(SpecError, match="A definition is written"):
        definition_from_mapping(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("depth", [40, 300, 5000, 100_000])
@pytest.mark.parametrize("marks", ["[]", "{}"])
def test_deep_nesting(tmp_path: Path, depth: int, marks: str) -> None:
    inner = "[" * depth + "]" * depth if marks == "[]" else "{a=" * depth + "1" + "}" * depth
    said = refused(tmp_path, changed("[14, 28]", inner))
    assert "nests values more than 32 deep (line 9)" in said


def test_deep_definitions(tmp_path: Path) -> None:
    rule = '{ is = "Response" }'
    for _ in range(60):
        rule = f'{{ is = "not", part = {rule} }}'
    said = refused(tmp_path, changed("[analysis]", f"response = {rule}\n[analysis]"))
    assert "nests values more than 32 deep (line 7)" in said
    said = refused(tmp_path, changed("[study]", f"[study]\n{'a.' * 60}b = 1"))
    assert "nests values more than 32 deep (line 4)" in said


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks(tmp_path: Path, encoding: str) -> None:
    said = refused(tmp_path, PLAN.encode(encoding))
    assert "begins with a byte order mark (line 1)" in said
    assert "plan.toml" in said


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    said = refused(tmp_path, PLAN.replace("A plan", "Dép").encode("latin-1"))
    assert "is not a UTF-8 text file (line 2)" in said


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "folder"])
def test_paths_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(PlanError, match=r"cannot be read|There is no plan"):
        read_plan(tmp_path / name)


def test_lines() -> None:
    text = (
        '# study = 1\nnote = """\nsample = 2\n"""\n[study]\nsample = "a = b" # c\n'
        '[analysis."x.y"]\nz = 1\n[definitions]\nresponse.reduction = 0.5\n'
    )
    assert find_line(text, "study", "sample") == 6
    assert find_line(text, "study", "visits") == 5
    assert find_line(text, "definitions", "response") == 10
    assert find_line(text, "", "note") == 2
    assert find_line(text, "nowhere") is None
