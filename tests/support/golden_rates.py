"""Packaged cases of rates, outcomes and scales."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from golden import REFERENCE, Values, case, read, relative


def rates() -> Iterator[dict[str, Any]]:
    published = tomllib.loads((REFERENCE / "published_counts" / "values.toml").read_text("utf-8"))
    values: Values = {}
    for name, row in published.items():
        values[f"difference, {name}"] = row["difference"]
        for method, key in (("wald", "wald"), ("newcombe", "newcombe"),
                            ("miettinen-nurminen", "miettinen_nurminen")):  # fmt: skip
            values[f"{method} low, {name}"], values[f"{method} high, {name}"] = row[key]
        names = ("odds ratio", "odds ratio low", "odds ratio high")
        values |= {f"{n}, {name}": v for n, v in zip(names, row["odds_ratio"], strict=True)}
    sources = "; ".join(f"{k}: {v['source']}" for k, v in published.items())
    yield case(
        "rates", "published_counts", "Published trials recomputed from their counts",
        f"a stand-alone script that shares no code with trdstats, on printed counts. {sources}",
        "two decimals of points of per cent and three of odds ratios are printed: half a unit of "
        "the last digit", values,
        lambda name, value: 0.00051 if name.startswith("odds") else 0.00501,
        counts={k: v["counts"] for k, v in published.items()},
    )  # fmt: skip
    R = read("rates")["rates"]
    values = {}
    for row in R["counts"]:
        values[f"responders, {row['arm']}"] = row["responders"]
        values[f"remitters, {row['arm']}"] = row["remitters"]
    values = {k: float(v) for k, v in values.items()}
    for measure, key in (("difference", "RD"), ("ratio", "RR"), ("odds ratio", "OR")):
        own = R["miettinen_nurminen"][key]
        values |= {f"{measure}, score, low": own["lower"], f"{measure}, score": own["est"],
                   f"{measure}, score, high": own["upper"]}  # fmt: skip
    own = R["newcombe"]
    values |= {"difference, Newcombe, low": own["lower"], "difference, Newcombe": own["est"],
               "difference, Newcombe, high": own["upper"]}  # fmt: skip
    yield case(
        "rates", "rates_of_trial", "Response at day 28 of the packaged trial",
        "R 4.2.2, ratesci 1.0.0: scoreci(skew = FALSE, bcf = TRUE), moverci(type = 'wilson')",
        "ratesci halves its intervals down to about 1e-7: 1e-6 of the value", values,
        relative(1e-6),
    )  # fmt: skip
    R = read("comparison")["rates"]
    own, cmh = R["stratified_mn_sex"], R["cmh_sex"]
    values = {
        "difference low": own["lower"], "difference": own["est"], "difference high": own["upper"],
        "common odds ratio": cmh["common_or"], "chi-squared": cmh["statistic"],
        "p value": cmh["p"], "odds ratio low": cmh["conf"][0], "odds ratio high": cmh["conf"][1],
    }  # fmt: skip
    yield case(
        "rates", "strata_of_trial", "Rates within sex",
        "R 4.2.2, ratesci 1.0.0: scoreci(stratified = TRUE, weighting = 'MH'); mantelhaen.test",
        "ratesci halves its intervals: 1e-6 of the value; mantelhaen.test printed ten digits",
        values, lambda n, v: abs(v) * (1e-6 if n.startswith("difference") else 1e-9),
    )  # fmt: skip
    strata = [
        {"stratum": "female", "events": 16, "n": 27, "reference_events": 5, "reference_n": 25},
        {"stratum": "male", "events": 12, "n": 28, "reference_events": 7, "reference_n": 26},
    ]
    values = {"common odds ratio": 3.3132, "odds ratio low": 1.4456, "odds ratio high": 7.5934,
              "chi-squared": 8.3052, "p value": 0.0040}  # fmt: skip
    yield case(
        "rates", "strata_of_counts", "Migraine treatment within gender",
        "SAS documentation, PROC FREQ, example Cochran-Mantel-Haenszel statistics; typed by hand",
        "four decimals are printed: half a unit of the last digit", values,
        lambda n, v: 0.0000501, strata=strata,
    )  # fmt: skip


def outcomes() -> Iterator[dict[str, Any]]:
    import pandas as pd

    events = pd.read_csv(REFERENCE / "trial" / "trial_events.csv")
    values = {f"subjects with another {c} of response": 0.0
              for c in ("left", "right", "time", "status")}  # fmt: skip
    values["responders"] = float(events["dur_time"].notna().sum())
    values |= {f"responders with another {c} of relapse": 0.0 for c in ("time", "status", "left")}
    values["days to response or last visit, sum"] = float(events["time"].sum())
    values["days from response to relapse or last visit, sum"] = float(events["dur_time"].sum())
    yield case(
        "outcomes", "event_times", "Times to response and relapse of 240 subjects",
        "a stand-alone script that shares no code with trdstats (trial_events.csv)",
        "whole days: no difference", values, lambda n, v: 0.0,
    )  # fmt: skip
    links = [
        ("HAMD17", "QIDSSR16", 7, 5, 5), ("HAMD17", "QIDSSR16", 8, 6, 6),
        ("QIDSSR16", "HAMD17", 11, 14, 15), ("HAMD17", "IDSSR30", 7, 12, 13),
        ("QIDSSR16", "IDSSR30", 5, 12, 13), ("QIDSSR16", "HAMD21", 10, 14, 15),
        ("QIDSSR16", "HAMD24", 20, 34, 34), ("IDSSR30", "HAMD17", 40, 20, 20),
        ("HAMD24", "QIDSSR16", 50, 27, 27), ("QIDSSR16", "HAMD17", 27, 36, 52),
    ]  # fmt: skip
    values = {}
    for source, target, score, low, high in links:
        values[f"{source} {score} on {target}, low"] = float(low)
        values[f"{source} {score} on {target}, high"] = float(high)
    yield case(
        "scales", "links_of_scales", "Totals on other scales",
        "Rush 2003, Biol Psychiatry 54:573-583, doi:10.1016/S0006-3223(02)01866-8, table of "
        "corresponding totals",
        "whole points: no difference", values, lambda n, v: 0.0, links=[list(x[:3]) for x in links],
    )  # fmt: skip
    ranges = {"MADRS": 60, "HAMD17": 52, "QIDSSR16": 27, "PHQ9": 27}
    values = {f"{k}, highest total": float(v) for k, v in ranges.items()}
    values |= {f"{k}, lowest total": 0.0 for k in ranges}
    values |= {"HAMD17, remission at most": 7.0, "QIDSSR16, remission at most": 5.0}
    yield case(
        "scales", "scales", "Ranges and cut-offs of instruments",
        "Montgomery and Asberg 1979; Hamilton 1967 with Frank 1991; Rush 2003; Kroenke 2001",
        "whole points: no difference", values, lambda n, v: 0.0,
        scales=list(ranges), remission=["HAMD17", "QIDSSR16"],
    )  # fmt: skip
