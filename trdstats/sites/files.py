"""A register in many files: each summarised by itself, together the analysis of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arguments import Jobs, check_instance, checked
from trdstats.errors import DataError, PlanError, Problem, SpecError, count_of
from trdstats.parallel import run_parallel
from trdstats.plan.plan import Plan
from trdstats.sites.combined import CombinedSites
from trdstats.sites.counts import RateCount, TimeCounts
from trdstats.sites.histories.courses import CourseCounts, added_courses
from trdstats.sites.site_summary import SiteSummary
from trdstats.sites.summarise import summarise_site
from trdstats.sites.withheld import Withheld
from trdstats.study.load import study_from_mapping

_OF_SUBJECTS = ("sample", "export", "subjects", "events", "courses")


@dataclass(frozen=True, slots=True)
class _Part:
    """What one file says, and whose it is.

    Attributes
    ----------
    summary : SiteSummary
    subjects : ndarray of uint64, shape (n,)
        Hashes of the identifiers.
    """

    summary: SiteSummary
    subjects: npt.NDArray[np.uint64]


@checked
def summarise_files(
    plan: Plan, files: str | Path | Sequence[str | Path], *, n_jobs: Jobs = 1
) -> CombinedSites:
    """Analyse a register whose visits stand in many files, a few of them in memory at a time.

    Parameters
    ----------
    plan : Plan
        Its ``[study]`` says which columns play which part; ``visits`` is any one of the files.
        What describes subjects stands in columns of the visits.
    files : str, Path or sequence of them
        Files of visits, or a pattern such as ``"visits/*.parquet"``. Each holds all visits of its
        subjects.
    n_jobs : int, default 1
        Workers, as joblib takes them; in ``joblib.parallel_config(backend="dask")`` those of a
        cluster, which see the files by the same names.

    Returns
    -------
    CombinedSites
        Nothing is withheld: the summary of each file holds cells of single subjects.

    Raises
    ------
    PlanError, SpecError
        When the plan reads other tables, there are no files, or levels differ between them.
    DataError
        When a subject is in two files, or a file is not usable.
    """
    check_instance("plan", plan, Plan)
    paths = _paths(files)
    tables = [k for k in _OF_SUBJECTS if k in plan.study]
    if tables:
        raise PlanError(
            f"[study] reads {', '.join(tables)}: of a register in many files the visits alone are "
            "read. Put what describes subjects into columns of the visits."
        )
    parts = list(run_parallel(_summarise, [(plan, path) for path in paths], n_jobs))
    _check_apart(paths, parts)
    return CombinedSites((added([p.summary for p in parts], "all files"),))


def _paths(files: str | Path | Sequence[str | Path]) -> list[Path]:
    given = [files] if isinstance(files, str | Path) else files
    if not isinstance(given, list | tuple) or not all(isinstance(f, str | Path) for f in given):
        raise SpecError(
            "files is a path, a pattern such as 'visits/*.parquet', or a list of paths; got "
            f"{files!r}."
        )
    paths: list[Path] = []
    for entry in given:
        text = str(entry)
        if any(mark in text for mark in "*?["):
            root = Path(Path(text).anchor)
            paths += sorted(root.glob(text[len(Path(text).anchor) :]))
        else:
            paths.append(Path(text))
    if not paths:
        raise PlanError(f"There is no file {', '.join(map(str, given))}.")
    return paths


def _summarise(plan: Plan, path: Path) -> _Part:
    study = study_from_mapping({**plan.study, "visits": str(path.resolve())}, plan.folder)
    names = study.subjects["subject"].astype(object).astype(str).to_numpy(dtype=object)
    open_plan = replace(plan, sites=replace(plan.sites, names=()))
    summary = summarise_site(open_plan, path.name, minimum=1, study=study)
    return _Part(summary, pd.util.hash_array(names, categorize=False))


def _check_apart(paths: Sequence[Path], parts: Sequence[_Part]) -> None:
    """Refuse subjects that stand in two files: they would count twice."""
    ordered = np.sort(np.concatenate([p.subjects for p in parts]))
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(twice):
        return
    where = [path.name for path, p in zip(paths, parts, strict=True)
             if np.isin(p.subjects, twice).any()]  # fmt: skip
    raise DataError(
        [
            Problem(
                "two_files",
                count_of(len(twice), "subject stands", "subjects stand") + " in two files or more.",
                tuple(where),
                "Each file holds all visits of its subjects: sort the visits by subject before "
                "they are cut into files.",
            )
        ]
    )


def added(summaries: Sequence[SiteSummary], site: str) -> SiteSummary:
    """Return the summary of all subjects of several, of which nothing was withheld."""
    first = summaries[0]
    sizes: dict[str, int] = {}
    rates: dict[tuple[str, str, float, str], RateCount] = {}
    times: dict[tuple[str, str], dict[tuple[float, int], int]] = {}
    example: dict[tuple[str, str], TimeCounts] = {}
    courses: dict[str, list[CourseCounts]] = {}
    for s in summaries:
        for t, n in s.subjects.items():
            sizes[t] = sizes.get(t, 0) + n
        for r in s.rates:
            key = (r.outcome, r.label, r.day, r.treatment)
            before = rates.get(key)
            rates[key] = r if before is None else replace(
                r, n=r.n + before.n, events=r.events + before.events
            )  # fmt: skip
        for h in s.histories:
            courses.setdefault(h.treatment, []).append(h)
        for c in s.times:
            of = (c.outcome, c.treatment)
            example.setdefault(of, c)
            cells = times.setdefault(of, {})
            for cell, n in zip(zip(c.time, c.status, strict=True), c.n, strict=True):
                cells[cell] = cells.get(cell, 0) + n
    mixed = [s.mixed for s in summaries if s.mixed is not None]
    return replace(
        first,
        site=site,
        subjects=sizes,
        rates=tuple(rates.values()),
        times=tuple(_of_cells(example[key], cells) for key, cells in times.items()),
        histories=tuple(added_courses(c) for c in courses.values()),
        mixed=reduce(add, mixed) if mixed else None,
        caveat=next((s.caveat for s in summaries if s.caveat), ""),
        withheld=tuple(dict.fromkeys(_of_file(w, s.site) for s in summaries for w in s.withheld)),
    )


def _of_file(w: Withheld, file: str) -> Withheld:
    """Return what is said of one file with its name, where it need not hold for another."""
    of_one = w.part == "mixed" or (w.outcome != "" and not w.is_missing)
    return replace(w, words=f"{file}: {w.words}") if of_one else w


def _of_cells(example: TimeCounts, cells: dict[tuple[float, int], int]) -> TimeCounts:
    ordered = sorted(cells.items())
    return replace(
        example,
        time=tuple(t for (t, _), _ in ordered),
        status=tuple(s for (_, s), _ in ordered),
        n=tuple(n for _, n in ordered),
    )
