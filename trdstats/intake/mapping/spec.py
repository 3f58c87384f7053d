"""What an export says in which column, and how it is written: a frozen value, equal to a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

from trdstats.arguments import Level, checked
from trdstats.errors import SpecError, why_unreadable
from trdstats.intake.mapping.checks import faults_of
from trdstats.intake.mapping.described import describe_mapping
from trdstats.intake.mapping.normal_form import normal_form
from trdstats.intake.mapping.toml_text import parse_mapping, write_mapping
from trdstats.intake.mapping.units import Unit, unit_of
from trdstats.tables import Summary, SummaryMixin

DateOrder = Literal["day first", "month first", "year first"]
MissingItems = Literal["published", "complete"]
Decimal = Literal[".", ","]


# Entries that say "missing": of all columns, or of some of them.
MissingCodes: TypeAlias = "Sequence[str | float] | Mapping[str, Sequence[str | float]]"


@checked
@dataclass(frozen=True, repr=False, kw_only=True)
class ExportMapping(SummaryMixin):
    """Which columns of an export hold what, and how it is written there.

    Everything is checked on creation, all problems at once. A mapping equals a TOML file of the
    same keys (`read`, `to_toml`).

    Parameters
    ----------
    scale : str or sequence of str
        Instruments; of several, the first is the primary one.
    averaged_over : int or dict of scale to int, optional
        Totals are means of so many raters (half points for two), as `Scale.averaged_over`.
    subject, treatment : str
        Columns of the identifier and of the treatment (its code or its label).
    score : str or dict, optional
        Column of the total score; or a pattern with the time of the visit in braces,
        ``"madrs_w{week}"`` (``{day}``, ``{week}``, ``{month}``, ``{hour}``), where a subject has
        one row; or ``{column: day}``; or ``{scale: any of these}``. Default: ``"score"``, unless
        `items` are given.
    items : str, sequence of str or dict, optional
        Where items are to be scored: a pattern ``"phq9_{item}"`` (with the time of the visit where
        a subject has one row: ``"w{week}_phq9_{item}"``), the columns in the order of the form, or
        ``{scale: either}``.
    missing_items : {"published", "complete"} or int
        What becomes of unanswered items: the rule in use for the scale, none filled in, or the
        number of items that may be filled in. See `score_items`.
    baseline : str, float or dict, optional
        Column with each subject's baseline total, or one total for all; or one for each scale.
        Default: the last score at day 0 or before.
    day : str, optional
        Column of the time since first treatment, in `unit`.
    unit : {"days", "weeks", "months", "hours"}
        Unit of `day` and of the days of events.
    date : str, optional
        Column of the calendar date of the visit; beside a pattern of scores, a pattern of the
        dates, ``"date_w{week}"``.
    start : str, optional
        Column of the date of first treatment (day 0), among the visits or the subjects.
    visit : str, optional
        Column with the name of the visit, where neither day nor date is there.
    visit_days : dict, optional
        Day of each name: ``{"baseline": 0, "week 4": 28}``.
    date_order : {"day first", "month first", "year first"}, optional
        How dates of digits are written. Default: found by all dates of the export together;
        where both would do, it is asked for.
    date_system : {1900, 1904}
        Epoch of Excel serial numbers.
    timezone : str, optional
        Zone whose calendar counts, such as ``"Europe/Berlin"``. Default: the date as written.
    decimal : {".", ","}, optional
        Decimal mark. Default: found for each column by all its values.
    thousands : {".", ",", "space", "apostrophe"}, optional
        Separator of thousands. Default: found likewise.
    missing : sequence or dict, optional
        Codes for missing such as ``[-9, 999, "nicht erhoben"]``, or ``{column: codes}``. Numbers of
        a list do not apply to `day`, where -9 is a day.
    labels : dict, optional
        Labels of codes by column: ``{"arm": {1: "ECT", 2: "TMS"}}``; their order is the order of
        treatments. Default: the value labels the file holds. The key of items may be their pattern.
    covariates : sequence of str, optional
        Columns that describe subjects. Default: all columns that never change within a subject.
    instrument : str, optional
        Column that names the scale of each row, when several share one score column.
    event : str
        Column of the events table that says what happened.
    event_dates, event_days : dict, optional
        Columns of visits or subjects with the date, or the day, of an event: ``{"died_on":
        "death"}``.
    windows : dict, optional
        Visit windows, as for `Study`.
    duplicates : str, optional
        What becomes of several ratings of a subject on one day, as for `Study`.
    randomised : bool
        Whether treatments were allocated at random.
    file, subjects, events : str, optional
        Files of the visits, the subjects and the events, from the folder of the mapping.
    sheet, subjects_sheet, events_sheet : str, optional
        Sheets of workbooks; a sheet of subjects or events without a file is one of `file`.
    separator, encoding : str, optional
        Of text files. Default: detected.

    Raises
    ------
    SpecError
        With all problems of the mapping.

    Examples
    --------
    >>> mapping = ExportMapping(scale="MADRS", subject="id", treatment="arm",
    ...                         score="madrs_w{week}", labels={"arm": {1: "ECT", 2: "TMS"}})
    >>> print(mapping)
    Mapping of an export
      Scale       MADRS: columns 'madrs_w{week}', weeks times 7
      Subject     column 'id'
      Treatment   column 'arm': 1 = ECT, 2 = TMS
      Allocation  not randomised
    >>> ExportMapping.from_toml(mapping.to_toml()) == mapping
    True
    """

    scale: str | Sequence[str]
    averaged_over: int | Mapping[str, int] | None = None
    subject: str = "subject"
    treatment: str = "treatment"
    score: str | Mapping[str, str | float | Mapping[str, float]] | None = None
    items: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None
    missing_items: MissingItems | int = "published"
    baseline: str | float | Mapping[str, str | float] | None = None
    day: str | None = None
    unit: Unit = "days"
    date: str | None = None
    start: str | None = None
    visit: str | None = None
    visit_days: Mapping[str, float] = field(default_factory=dict)
    date_order: DateOrder | None = None
    date_system: Literal[1900, 1904] = 1900
    timezone: str | None = None
    decimal: Decimal | None = None
    thousands: str | None = None
    missing: MissingCodes = ()
    labels: Mapping[str, Mapping[Level, Level]] = field(default_factory=dict)
    covariates: Sequence[str] | None = None
    instrument: str | None = None
    event: str = "event"
    event_dates: Mapping[str, str] = field(default_factory=dict)
    event_days: Mapping[str, str] = field(default_factory=dict)
    windows: object = None
    duplicates: str | None = None
    randomised: bool = False
    file: str | None = None
    subjects: str | None = None
    events: str | None = None
    sheet: str | None = None
    subjects_sheet: str | None = None
    events_sheet: str | None = None
    separator: str | None = None
    encoding: str | None = None

    @property
    def baselines(self) -> dict[str, str | float]:
        """Column or constant of the baseline, by scale."""
        return dict(self.baseline) if isinstance(self.baseline, Mapping) else {}

    def __post_init__(self) -> None:
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        values, faults = normal_form(given)
        faults += faults_of(values)
        if faults:
            lines = "\n".join(f"  {words}" for words in faults)
            raise SpecError(f"The mapping of the export cannot be used.\n{lines}")
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def read(cls, path: str | Path) -> ExportMapping:
        """Return the mapping in a TOML file.

        Raises
        ------
        SpecError
            When the file is not there, is no TOML, or with all problems of the mapping.
        """
        path = Path(path)
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SpecError(f"{str(path)!r} cannot be read: {why_unreadable(error)}.") from error
        return cls.from_toml(text)

    @classmethod
    def from_toml(cls, text: str) -> ExportMapping:
        """Return the mapping written in TOML.

        Raises
        ------
        SpecError
            When the text is no TOML, a key is not known, or with all problems of the mapping.
        """
        return cls(**parse_mapping(text, [f.name for f in fields(cls)]))

    def to_toml(self) -> str:
        """Return the mapping as TOML; what has its default is left out."""
        blank = type(self)(scale=self.scale[:1], visit="-", visit_days={"-": 0})
        asked = ("scale", "visit", "visit_days")
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        return write_mapping(
            {k: v for k, v in given.items() if v and (k in asked or v != getattr(blank, k))}
        )

    @property
    def is_wide(self) -> bool:
        """Whether the names of columns hold the time of the visits: one row a subject."""
        from_columns = any(isinstance(v, Mapping) for v in self.scores.values())
        return from_columns or bool(self.patterns)

    @property
    def scores(self) -> dict[str, Any]:
        """Where the totals of each scale stand: column, pattern, or ``{column: day}``."""
        return dict(self.score) if isinstance(self.score, Mapping) else {}

    @property
    def forms(self) -> dict[str, Any]:
        """Where the items of each scale stand: a pattern, or columns in the order of the form."""
        return dict(self.items) if isinstance(self.items, Mapping) else {}

    @property
    def patterns(self) -> tuple[str, ...]:
        """Patterns of columns in whose names the time of the visit stands."""
        given = [*self.scores.values(), *self.forms.values()]
        return tuple(p for p in given if isinstance(p, str) and unit_of(p) is not None)

    def summary(self) -> Summary:
        """Return the mapping in words."""
        return Summary(
            "Mapping of an export",
            describe_mapping({f.name: getattr(self, f.name) for f in fields(self)}),
        )
