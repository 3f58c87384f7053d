"""The sample studies as files: tables, study descriptions, achieved values, data dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from importlib.resources import files
from pathlib import Path

import pandas as pd

from trdstats.simulate.achieved import compare_with_sources
from trdstats.simulate.clinic.registry_tables import simulate_registry
from trdstats.simulate.eight_cohorts import simulate_modalities
from trdstats.simulate.exports import write_exports
from trdstats.simulate.load import load_parameters
from trdstats.simulate.parameters import Parameters
from trdstats.simulate.record import SampleStudy
from trdstats.simulate.schedule import Schedule
from trdstats.simulate.three_arms import simulate_trial

TITLES = {
    "modalities": "Eight cohorts of treatment-resistant depression (simulated)",
    "trial": "Randomised trial of TMS, ECT and intravenous ketamine (simulated)",
}


def write_samples(folder: str | Path) -> None:
    """Write both studies, registry, exports, ``achieved.csv`` and ``README.md`` into a folder.

    Parameters
    ----------
    folder : str or Path
        Made when missing; files of the same names are replaced.
    """
    root, parameters = Path(folder), load_parameters()
    studies = {"modalities": simulate_modalities(), "trial": simulate_trial()}
    for name, study in studies.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        write_table(study.visits, root / name / "visits.csv")
        write_table(study.subjects, root / name / "subjects.csv")
        write_table(study.events, root / name / "events.csv")
        _write_text(describe_study(name, parameters), root / name / "study.toml")
    write_exports(root / "exports", parameters.seed)
    registry = simulate_registry()
    (root / "registry").mkdir(exist_ok=True)
    for table in fields(registry):
        write_table(getattr(registry, table.name), root / "registry" / f"{table.name}.csv")
    achieved = tabulate_achieved(studies["modalities"], studies["trial"], parameters)
    write_table(achieved, root / "achieved.csv")
    template = files("trdstats.simulate").joinpath("readme.md").read_text(encoding="utf-8")
    text = template.replace("{seed}", str(parameters.seed))
    text = text.replace("{bands}", _bands_in_markdown(parameters))
    _write_text(text.replace("{achieved}", achieved_in_markdown(achieved)), root / "README.md")


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, the same bytes on every platform.

    Lines end in LF; a whole number has no decimal point, also in a column of fractions.
    """
    table.to_csv(path, index=False, lineterminator="\n", float_format="%.10g", encoding="utf-8")


def tabulate_achieved(
    modalities: SampleStudy, trial: SampleStudy, parameters: Parameters
) -> pd.DataFrame:
    """Return achieved values beside their sources for both studies, one row a target."""
    cohorts = parameters.cohorts
    ends = {name: c.loss.from_day for name, c in cohorts.items()}
    of_cohorts = compare_with_sources(
        modalities,
        {name: c.schedule for name, c in cohorts.items()},
        {name: c.targets for name, c in cohorts.items()},
        ends,
    )
    schedules = dict.fromkeys(parameters.trial.arms, parameters.trial.schedule)
    of_trial = compare_with_sources(trial, schedules, parameters.trial.targets, ends)
    return pd.concat([of_cohorts, of_trial], ignore_index=True)


def describe_study(name: str, parameters: Parameters) -> str:
    """Return the text of ``study.toml``: files, scale and visit windows in days."""
    head = {
        "title": TITLES[name],
        "visits": "visits.csv",
        "subjects": "subjects.csv",
        "events": "events.csv",
        "scale": "MADRS",
        "score": "madrs",
    }
    lines = [f'{key} = "{value}"' for key, value in head.items()]
    lines.append(f"randomised = {'true' if name == 'trial' else 'false'}")
    order = parameters.trial.arms if name == "trial" else parameters.cohorts
    quoted = ", ".join(f'"{t}"' for t in order)
    lines.append(f"treatments = [{quoted}]")
    lines += ["", "# nominal day = half-width, both in days after first treatment"]
    if name == "trial":
        lines += ["[windows]", *_windows(parameters.trial.schedule)]
    else:
        lines += _windows_by_treatment({k: c.schedule for k, c in parameters.cohorts.items()})
    return "\n".join(lines).rstrip("\n") + "\n"


def _windows_by_treatment(schedules: Mapping[str, Schedule]) -> list[str]:
    lines: list[str] = []
    for treatment, schedule in schedules.items():
        lines += [f'[windows."{treatment}"]', *_windows(schedule), ""]
    return lines


def _windows(schedule: Schedule) -> list[str]:
    pairs = zip(schedule.days, schedule.half_widths, strict=True)
    return [f'"{day:g}" = {width:g}' for day, width in pairs]


def achieved_in_markdown(achieved: pd.DataFrame) -> str:
    """Return the table of achieved values in Markdown, numbers as in ``achieved.csv``."""
    names = list(achieved.columns)
    rows = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    for row in achieved.itertuples(index=False):
        cells = (f"{cell:.10g}" if isinstance(cell, float) else str(cell) for cell in row)
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _bands_in_markdown(parameters: Parameters) -> str:
    rows = ["| quantity | band | reason |", "| --- | --- | --- |"]
    rows += [f"| {k} | {b.width:g} | {b.reason} |" for k, b in parameters.bands.items()]
    return "\n".join(rows)


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
