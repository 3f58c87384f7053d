"""Visits with completed scores, such as imputed ones."""

from __future__ import annotations

import numpy as np
import pandas as pd


def complete(visits: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Return visits whose scores after baseline are those of another table.

    Parameters
    ----------
    visits : pandas.DataFrame
        Canonical visits. Of a scheduled visit that was attended the actual day stays; others take
        place on their scheduled day. Visits after baseline that `scores` does not name go.
    scores : pandas.DataFrame
        subject (codes of the study's subjects), visit (scheduled day), score.
    """
    attended = (visits["day"] > 0) & visits["visit"].notna()
    known = visits.loc[attended].drop(columns="score")
    known = known.assign(code=known["subject"].cat.codes).drop(columns="subject")
    made = scores.rename(columns={"subject": "code"}).merge(known, how="left", on=["code", "visit"])
    made["day"] = made["day"].fillna(made["visit"])
    names = visits["subject"].cat.categories
    made["subject"] = pd.Categorical(names[made["code"].to_numpy()], categories=names)
    before = visits[visits["day"] <= 0]
    whole = pd.concat([before, made[visits.columns]], ignore_index=True)
    order = np.lexsort((whole["day"].to_numpy(), whole["subject"].cat.codes.to_numpy()))
    return whole.iloc[order].reset_index(drop=True)
