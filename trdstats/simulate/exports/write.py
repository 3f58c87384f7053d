"""One small clinic as the exports of many programs, and its rates of response."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from trdstats.simulate.exports.binaries import write_adam, write_statistical, write_workbooks
from trdstats.simulate.exports.cohort import simulate_export_cohort
from trdstats.simulate.exports.texts import write_compressed, write_german, write_redcap


def write_exports(folder: str | Path, seed: int) -> None:
    """Write the packaged exports, their README and ``rates.csv`` into a folder.

    Parameters
    ----------
    folder : str or Path
        Made when missing; files of the same names are replaced.
    seed : int

    Raises
    ------
    MissingDependencyError
        Without the extra ``io``.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    cohort = simulate_export_cohort(seed)
    for write in (write_redcap, write_german, write_compressed, write_workbooks,
                  write_statistical, write_adam):  # fmt: skip
        write(cohort, folder)
    rates = cohort.true_rates()
    rates.to_csv(folder / "rates.csv", index=False, lineterminator="\n", float_format="%.10g")
    text = files("trdstats.simulate.exports").joinpath("readme.md").read_text("utf-8")
    (folder / "README.md").write_text(text, encoding="utf-8", newline="\n")
