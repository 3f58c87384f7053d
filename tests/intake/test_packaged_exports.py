"""Every packaged export goes from file to the right rates in at most three lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import trdstats as trd

pytestmark = pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")

EXPORTS = trd.sample_exports()


def redcap_classic() -> trd.Study:
    layout = trd.RedcapLayout(
        event_table=EXPORTS["redcap_events.csv"], dictionary=EXPORTS["redcap_dictionary.csv"]
    )
    return trd.read_redcap(EXPORTS["redcap_classic.csv"], layout=layout, scale="MADRS",
                           treatment="arm", score="madrs_total")  # fmt: skip


def redcap_by_names() -> trd.Study:
    layout = trd.RedcapLayout(days_in_names=True, dictionary=EXPORTS["redcap_dictionary.csv"])
    return trd.read_redcap(EXPORTS["redcap_classic.csv"], layout=layout, scale="MADRS",
                           treatment="arm", score="madrs_total")  # fmt: skip


def redcap_by_dates() -> trd.Study:
    layout = trd.RedcapLayout(dictionary=EXPORTS["redcap_dictionary.csv"])
    return trd.read_redcap(EXPORTS["redcap_classic.csv"], layout=layout, scale="MADRS",
                           treatment="arm", score="madrs_total", date="madrs_date",
                           start="start_date", windows={28: 3})  # fmt: skip


def redcap_repeating() -> trd.Study:
    layout = trd.RedcapLayout(dictionary=EXPORTS["redcap_dictionary.csv"])
    return trd.read_redcap(EXPORTS["redcap_repeating.csv"], layout=layout, scale="MADRS",
                           treatment="arm", score="madrs_total", date="madrs_date",
                           start="start_date", windows={28: 3})  # fmt: skip


def german() -> trd.Study:
    mapping = trd.ExportMapping(
        scale="MADRS", subject="Patient", treatment="Behandlung", score="MADRS", date="Datum",
        start="Beginn", windows={28: 3},
        labels={"Behandlung": {"EKT": "ECT", "Ketamin i.v.": "IV ketamine", "TMS": "TMS"}},
    )  # fmt: skip
    return trd.read_export(EXPORTS["klinik.csv"], mapping=mapping)


def wide() -> trd.Study:
    mapping = trd.ExportMapping(
        scale="MADRS", subject="id", treatment="arm", score="madrs_w{week}", date="date_w{week}",
        start="first_treatment", sheet="Patients", windows={28: 3},
    )  # fmt: skip
    return trd.read_export(EXPORTS["wide.xlsx"], mapping=mapping)


def spss() -> trd.Study:
    mapping = trd.ExportMapping(scale="MADRS", subject="id", treatment="arm", score="madrs",
                                day="day", windows={28: 3})  # fmt: skip
    return trd.read_export(EXPORTS["visits.sav"], mapping=mapping)


def stata() -> trd.Study:
    mapping = trd.ExportMapping(scale="MADRS", subject="id", treatment="arm", score="madrs",
                                day="day", windows={28: 3})  # fmt: skip
    return trd.read_export(EXPORTS["visits.dta"], mapping=mapping)


def compressed() -> trd.Study:
    return trd.read_study(EXPORTS["visits.csv.gz"], scale="MADRS", windows={28: 3})


def libreoffice() -> trd.Study:
    return trd.read_study(EXPORTS["visits.ods"], scale="MADRS", windows={28: 3})


def adam() -> trd.Study:
    return trd.Study.from_adam(EXPORTS["adsl.xpt"], EXPORTS["adqs.xpt"], EXPORTS["adtte.xpt"])


WAYS = [redcap_classic, redcap_by_names, redcap_by_dates, redcap_repeating, german, wide, spss,
        stata, compressed, libreoffice, adam]  # fmt: skip


@pytest.mark.parametrize("read", WAYS, ids=lambda f: f.__name__)
def test_every_export_gives_the_right_rates(read: Callable[[], trd.Study]) -> None:
    right = pd.read_csv(EXPORTS["rates.csv"]).set_index("treatment")
    table = trd.rates(read(), trd.Response(), day=28).tidy()
    table = table[table["measure"] == "rate"].set_index("treatment")
    assert sorted(table.index) == sorted(right.index)
    table = table.loc[right.index]
    assert table["events"].tolist() == right["responders"].tolist()
    assert table["n"].tolist() == right["subjects"].tolist()
    assert table["n_rated"].tolist() == right["rated"].tolist()
    assert table["estimate"].tolist() == pytest.approx(right["rate"].tolist(), rel=1e-9)


@pytest.mark.parametrize("read", WAYS, ids=lambda f: f.__name__)
def test_every_export_gives_the_covariates(read: Callable[[], trd.Study]) -> None:
    subjects = read().subjects
    name = next(c for c in subjects if c.lower() == "bmi")
    assert subjects[name].dtype == float
    assert subjects[name].sum() == pytest.approx(compressed().subjects["bmi"].sum())


def test_the_right_rates_are_those_of_the_ratings() -> None:
    # Counted by hand from the plainest of the files: half the baseline, within 3 days of day 28.
    table = pd.read_csv(EXPORTS["visits.csv.gz"])
    base = table[table["day"] == 0].set_index("subject")["score"]
    late = table[table["day"].between(25, 31)].set_index("subject")["score"]
    arm = table.drop_duplicates("subject").set_index("subject")["treatment"]
    responded = (2 * late <= base.reindex(late.index)).reindex(arm.index, fill_value=False)
    right = pd.read_csv(EXPORTS["rates.csv"]).set_index("treatment")["rate"]
    assert responded.groupby(arm).mean().to_dict() == pytest.approx(right.to_dict(), rel=1e-9)


def test_the_exports_are_small() -> None:
    assert sum(p.stat().st_size for p in EXPORTS.values()) < 300_000


def test_their_dictionary_names_every_file() -> None:
    folder = Path(EXPORTS["rates.csv"]).parent
    text = (folder / "README.md").read_text("utf-8")
    assert [n for n in EXPORTS if f"`{n}`" not in text] == []
