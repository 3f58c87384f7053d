"""Answers to QIDS-16 and PHQ-9 items given a latent severity, and the totals they make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray

AnswerArray = FloatArray

QIDS_ITEMS = tuple(f"qids_{i}" for i in range(1, 17))
PHQ9_ITEMS = tuple(f"phq9_{i}" for i in range(1, 10))
ALTERNATIVES = ((6, 7), (8, 9))  # appetite and weight: down or up, never both
QIDS_DOMAINS = ((1, 2, 3, 4), (5,), (6, 7, 8, 9), (10,), (11,), (12,), (13,), (14,), (15, 16))


@dataclass(frozen=True, slots=True)
class ItemModel:
    """A graded model: an item scores the number of its thresholds below severity plus noise.

    Attributes
    ----------
    difficulties : tuple of float
        Middle threshold of each item on the scale of severity (0-1); higher is rarer.
    spacing : float
        Distance between neighbouring thresholds of an item.
    trait_sd : float
        Lasting leaning of a patient towards an item: who wakes early does so at every visit.
    noise_sd : float
        Noise of one answer.
    """

    difficulties: tuple[float, ...]
    spacing: float
    trait_sd: float
    noise_sd: float


# Difficulties follow the forms: low mood and fatigue come early, hypersomnia, changed weight and
# thoughts of death late. All are placed so that severity 0.60 gives totals of about 17.
QIDS_MODEL = ItemModel(
    difficulties=(
        0.55, 0.55, 0.65, 0.90, 0.40, 0.60, 0.60, 0.65, 0.65, 0.45, 0.45, 0.80, 0.45, 0.45, 0.65,
        0.65,
    ),
    spacing=0.22,
    trait_sd=0.12,
    noise_sd=0.12,
)  # fmt: skip
PHQ9_MODEL = ItemModel(
    difficulties=(0.42, 0.40, 0.48, 0.40, 0.55, 0.45, 0.47, 0.68, 0.82),
    spacing=0.22,
    trait_sd=0.12,
    noise_sd=0.12,
)


def draw_answers(
    severity: FloatArray, patient: IntArray, model: ItemModel, rng: np.random.Generator
) -> AnswerArray:
    """Return the answers to the items of a form.

    Parameters
    ----------
    severity : ndarray, shape (n_forms,)
        0-1, higher is worse.
    patient : ndarray of int, shape (n_forms,)
        Number of the patient, from 0.
    model : ItemModel
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (n_forms, n_items)
        Whole numbers 0 to 3.
    """
    n_items = len(model.difficulties)
    trait = rng.normal(0, model.trait_sd, (patient.max() + 1, n_items))
    noise = rng.normal(0, model.noise_sd, (len(severity), n_items))
    place = severity[:, None] + trait[patient] + noise - np.array(model.difficulties)
    steps = model.spacing * np.array([-1.0, 0.0, 1.0])
    return np.asarray((place[:, :, None] > steps).sum(axis=2), dtype=float)


def leave_alternatives(
    answers: AnswerArray,
    patient: IntArray,
    rng: np.random.Generator,
    *,
    eats_less: float,
    follows: float,
    changes: float,
) -> AnswerArray:
    """Return QIDS answers with one of each pair of alternatives left empty, as the form asks.

    Parameters
    ----------
    answers : ndarray, shape (n_forms, 16)
    patient : ndarray of int, shape (n_forms,)
    rng : numpy.random.Generator
    eats_less : float
        Proportion of patients whose appetite falls rather than rises.
    follows : float
        Proportion of patients whose weight goes the way of their appetite.
    changes : float
        Probability that one form has the other alternative.

    Returns
    -------
    ndarray, shape (n_forms, 16)
        NaN in one item of each pair.
    """
    n = patient.max() + 1
    appetite_down = rng.random(n) < eats_less
    weight_down = np.where(rng.random(n) < follows, appetite_down, ~appetite_down)
    kept = answers.copy()
    for (down, up), is_down in zip(ALTERNATIVES, (appetite_down, weight_down), strict=True):
        answers_down = is_down[patient] ^ (rng.random(len(patient)) < changes)
        kept[answers_down, up - 1] = np.nan
        kept[~answers_down, down - 1] = np.nan
    return kept


def total_qids(answers: AnswerArray) -> FloatArray:
    """Return the QIDS-16 total: nine domains, each by its highest answered item.

    Parameters
    ----------
    answers : ndarray, shape (n_forms, 16)
        NaN where an item is empty; no domain is empty throughout.

    Returns
    -------
    ndarray, shape (n_forms,)
        0 to 27, higher is worse.
    """
    domains = [np.nanmax(answers[:, [i - 1 for i in d]], axis=1) for d in QIDS_DOMAINS]
    return np.asarray(np.sum(domains, axis=0))


def total_phq9(answers: AnswerArray) -> FloatArray:
    """Return the PHQ-9 total, the sum of nine items.

    Parameters
    ----------
    answers : ndarray, shape (n_forms, 9)

    Returns
    -------
    ndarray, shape (n_forms,)
        0 to 27, higher is worse.
    """
    return np.asarray(answers.sum(axis=1))


def list_forms(
    keys: pd.DataFrame, items: tuple[str, ...], answers: AnswerArray, total: FloatArray
) -> pd.DataFrame:
    """Return a table of forms: keys, items, typed total.

    Parameters
    ----------
    keys : pandas.DataFrame
        One row a form.
    items : tuple of str
        Names of the item columns.
    answers : ndarray, shape (n_forms, n_items)
    total : ndarray, shape (n_forms,)

    Returns
    -------
    pandas.DataFrame
        Items and total as ``Int64``, so that an empty answer leaves the others whole numbers.
    """
    columns = dict(zip(items, answers.T, strict=True)) | {"total": total}
    numbers = pd.DataFrame(columns, index=keys.index).astype("Int64")
    return pd.concat([keys, numbers], axis=1)
