"""A plan for an export without a description: mapping, windows and steps, each explained."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trdstats.arguments import checked
from trdstats.errors import DataError, DataWarning, NotEstimableError, PlanError
from trdstats.intake.files import FileTable, read_file, sheet_names
from trdstats.intake.propose import Proposal, Question, find_redcap_files, propose_mapping
from trdstats.plan.carrying_out.analysis import prepare
from trdstats.plan.new.text import short, written_plan
from trdstats.plan.reading import plan_from_text
from trdstats.study import Study, propose_windows, study_from_mapping
from trdstats.tables import Summary, SummaryMixin

_ORDERS = "date_order"


@dataclass(frozen=True, repr=False)
class NewPlan(SummaryMixin):
    """A plan that was written for an export.

    Attributes
    ----------
    path : Path
    text : str
    study : Study
        As the plan reads it.
    assumed : tuple of str
        What was taken, and from what.
    undecided : tuple of (int, str)
        What the export does not say: the line of the plan to edit, and the words.
    """

    path: Path
    text: str
    study: Study
    assumed: tuple[str, ...]
    undecided: tuple[tuple[int, str], ...]

    def summary(self) -> Summary:
        """Return what was assumed, and the lines to edit."""
        rates = ", ".join(f"{n:,} {t}" for t, n in self.study.subjects["treatment"]
                          .value_counts(sort=False).items())  # fmt: skip
        return Summary(
            f"Plan {str(self.path)!r}",
            (("Subjects", rates), *(("Assumed", words) for words in self.assumed)),
            notes=(
                *(f"To decide, line {line}: {words}." for line, words in self.undecided),
                f"It runs as it is: trdstats run {_typed(self.path)}",
            ),
        )


@checked
def write_new_plan(
    export: str | Path,
    out: str | Path = "plan.toml",
    *,
    scale: str | None = None,
    date_order: str | None = None,
    ask: Any = None,
    force: bool = False,
) -> NewPlan:
    """Look at an export and write a plan that runs.

    Parameters
    ----------
    export : str or Path
        A file as in `read_file`.
    out : str or Path
        The plan. Files are named in it from its folder.
    scale : str, optional
        Instrument, where no column is called by it.
    date_order : str, optional
        As in `ExportMapping`, where no date tells.
    ask : callable, optional
        ``ask(key, words)`` returns what only the user can say: the scale or the date order.
    force : bool
        Whether an existing plan is replaced.

    Raises
    ------
    PlanError
        When `out` exists, or with everything that is missing: nothing is written then.
    TrdstatsError
        When the export cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from trdstats import sample_exports
    >>> with TemporaryDirectory() as folder:
    ...     new = write_new_plan(sample_exports()["klinik.csv"], Path(folder) / "plan.toml")
    >>> new.study.treatments
    ('EKT', 'Ketamin i.v.', 'TMS')
    >>> [words.split(":")[0] for _, words in new.undecided][:1]
    ['relapse has no default, since trials differ']
    """
    export, out = Path(export), Path(out)
    if out.exists() and not force:
        raise PlanError(f"{str(out)!r} exists and is kept. Name another with --out, or --force.")
    given = {"scale": scale, "date_order": date_order}
    while True:
        try:
            return _written(export, out, given)
        except _LackingError as lacking:
            key = lacking.key
            if ask is None or key is None:
                raise PlanError(str(lacking)) from None
            given[key] = ask(key, lacking.words)


class _LackingError(Exception):
    """What is missing; `key` is what one answer would settle."""

    def __init__(self, text: str, key: str | None = None, words: str = "") -> None:
        super().__init__(text)
        self.key, self.words = key, words


def _written(export: Path, out: Path, given: Mapping[str, str | None]) -> NewPlan:
    if not out.parent.is_dir():
        raise PlanError(f"There is no folder {str(out.parent)!r} for the plan: make it first.")
    chosen = _proposed(export, given["scale"])
    sheet, table, proposal = chosen.sheet, chosen.table, chosen.proposal
    if proposal.lacking:
        raise _lacking(export, chosen)
    fields: dict[str, Any] = {"file": _name(export, out.parent)}
    fields |= {"sheet": sheet} if sheet is not None else {}
    fields |= proposal.fields
    if given[_ORDERS] is not None:
        fields[_ORDERS] = given[_ORDERS]
    if proposal.redcap is not None:
        files = {k: _name(export.parent / v, out.parent) if k in ("dictionary", "event_table")
                 else v for k, v in proposal.redcap.items()}  # fmt: skip
        fields["redcap"] = files
    study = _read(fields, out.parent)
    fields, study, assumed = _with_windows(fields, study)
    proposal = replace(
        proposal,
        assumed={**proposal.assumed, **assumed},
        questions=(*chosen.questions, *proposal.questions),
    )
    draft = written_plan(export.name, fields, proposal, study)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the run says it again
        prepare(plan_from_text(draft.text, out.parent), study)
    out.write_text(draft.text, "utf-8", newline="\n")
    notes = [p.summary for p in table.notices]
    assumptions = [f"{k}: {words}" for k, words in proposal.assumed.items()]
    if chosen.beside:
        assumptions.append(f"sheets not used: {', '.join(map(repr, chosen.beside))}")
    if proposal.unused:
        assumptions.append(f"not used: {', '.join(proposal.unused)}")
    return NewPlan(out, draft.text, study, (*notes, *assumptions), draft.undecided)


def _typed(path: Path) -> str:
    """Return a path as it is typed: in quotation marks where it holds a space."""
    text = str(path)
    return f'"{text}"' if any(c.isspace() for c in text) else text


def _name(path: Path, folder: Path) -> str:
    """Return a file as it is found from the folder of the plan."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return path.resolve().as_posix()


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The table that a plan is proposed for.

    Attributes
    ----------
    sheet : str or None
        Of a workbook with several sheets.
    table : FileTable
    proposal : Proposal
    questions : tuple of Question
        Which sheet, where several would do.
    beside : tuple of str
        The other sheets.
    failed : tuple of DataError
        Why other sheets cannot be read.
    """

    sheet: str | None
    table: FileTable
    proposal: Proposal
    questions: tuple[Question, ...]
    beside: tuple[str, ...]
    failed: tuple[DataError, ...]


def _proposed(export: Path, scale: str | None) -> _Chosen:
    """Return the proposal for a file; of a workbook, for the first sheet that can be read."""
    sheets = sheet_names(export)
    named: list[str | None] = list(sheets) if len(sheets) > 1 else [None]
    read, failed = [], []
    for sheet in named:
        try:
            table = read_file(export, text="all", sheet=sheet)
        except DataError as error:  # another sheet may be the table
            failed.append(error)
            continue
        files = find_redcap_files(export, table.frame)
        proposal = propose_mapping(
            table.frame.astype(object), labels=table.labels, scale=scale, **files
        )
        read.append((sheet, table, proposal))
    if not read:
        raise failed[0]
    whole = [f for f in read if not f[2].lacking]
    best = min(read, key=lambda f: len(f[2].lacking)) if not whole else whole[0]
    questions = []
    if len(whole) > 1:
        others = " or ".join(repr(f[0]) for f in whole[1:])
        questions.append(Question("sheet", f"sheet {best[0]!r} was taken, not {others}"))
    beside = tuple(s for s in sheets if len(sheets) > 1 and s != best[0])
    return _Chosen(*best, tuple(questions), beside, tuple(failed))


def _lacking(export: Path, chosen: _Chosen) -> _LackingError:
    lacking = chosen.proposal.lacking
    lines = "\n".join(f"  {q.words[:1].upper()}{q.words[1:]}." for q in lacking)
    only_scale = len(lacking) == 1 and lacking[0].key == "scale"
    place = repr(export.name)
    if chosen.sheet is not None:
        place += f", sheet {chosen.sheet!r}"
    # The table may stand in a sheet that cannot be read as it is.
    others = "".join(f"\nAnother sheet cannot be read. {error}" for error in chosen.failed)
    return _LackingError(
        f"No plan can be written for {place}. What is missing:\n{lines}{others}",
        "scale" if only_scale else None,
        lacking[0].words,
    )


def _read(fields: Mapping[str, Any], folder: Path) -> Study:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # of windows, which are yet to come
            return study_from_mapping({"export": fields}, folder)
    except DataError as error:
        kinds = {p.kind for p in error.problems if p.level == "error"}
        if kinds == {"ambiguous_date_order"} and "date_order" not in fields:
            raise _LackingError(
                f"No plan can be written. {error}\n  On the command line: "
                '--date-order "day first".',
                _ORDERS,
                "dates can be read in two ways: day first, month first or year first",
            ) from None
        raise


def _with_windows(
    fields: Mapping[str, Any], study: Study
) -> tuple[dict[str, Any], Study, dict[str, str]]:
    """Return the mapping and the study with windows: one schedule for all, where they share it."""
    try:
        by_arm = propose_windows(study).windows
    except NotEstimableError as error:
        raise PlanError(f"No plan can be written. {error}") from error
    rated = study.visits[study.visits["score"].notna() & (study.visits["day"] > 0)]
    shared = propose_windows(rated).windows
    if all(_agree(windows_of_arm, shared) for windows_of_arm in by_arm.values()):
        windows, words = _plain(shared), "read from the days of all ratings, one schedule for all"
    else:
        windows = {arm: _plain(windows_of_arm) for arm, windows_of_arm in by_arm.items()}
        words = "read from the days of ratings of each treatment"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the run says it again
        study = study.with_windows(windows)
    return {**fields, "windows": windows}, study, {"windows": words}


def _agree(of_arm: Mapping[float, Any], shared: Mapping[float, Any]) -> bool:
    """Return whether the days of one treatment are the shared ones, give or take a few days."""
    days = sorted(shared)
    if len(of_arm) > len(days):
        return False
    near = [min(abs(d - e) for e in days) <= max(2, 0.1 * d) for d in of_arm]
    return all(near) and max(of_arm) >= 0.9 * days[-1]


def _plain(windows: Mapping[float, Any]) -> dict[str, Any]:
    """Return windows as TOML writes them."""
    return {
        f"{day:g}": [short(x) for x in w] if isinstance(w, tuple) else short(w)
        for day, w in windows.items()
    }
