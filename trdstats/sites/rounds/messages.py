"""What the centre asks and what a site answers: names and numbers, as JSON."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from trdstats.arguments import checked
from trdstats.arrays import FloatArray
from trdstats.errors import DataError, Problem, SpecError, why_unreadable
from trdstats.sites.sealed import is_as_written, sealed
from trdstats.tables import Summary, SummaryMixin, Table, format_count

Analysis = Literal["hazards", "weighted rates"]
Stage = Literal["moments", "likelihood", "weights", "spread"]
Outcome = Literal["", "response", "remission", "relapse"]
Estimand = Literal["", "ate", "overlap"]
VERSION = 2
_CHOICES = {"analysis": get_args(Analysis), "stage": get_args(Stage),
            "outcome": get_args(Outcome), "estimand": get_args(Estimand)}  # fmt: skip
ASKED = {
    "moments": "numbers of subjects and events, means and variances of the covariates",
    "likelihood": "the likelihood and its derivatives at the coefficients of the question",
    "weights": "sums of weights, and of the weights of those who met the outcomes",
    "spread": "cross-products of the influences of subjects on the rates, sums of covariates with "
    "and without weights, and counts of scores in bins",
}


# What stands in an answer, for the board that reads it.
_IN_WORDS = {
    "n": "numbers of subjects",
    "events": "number of events",
    "sum": "sums of covariates",
    "squares": "sums of squares",
    "loglik": "log-likelihood",
    "score": "its first derivatives",
    "information": "its second derivatives",
    "weight": "sums of weights",
    "derivative": "sums of derivatives of weights",
    "n_met": "numbers of subjects with a verdict",
    "weight_met": "their sums of weights",
    "met": "sums of weights of those who met an outcome",
    "derivative_met": "derivatives of these sums, of all with a verdict",
    "met_derivative": "derivatives of these sums, of those who met it",
    "cross_products": "sums of products of influences on the rates",
    "columns": "sums of covariates, by treatment",
    "column_squares": "sums of squares of covariates, by treatment",
    "weighted_columns": "sums of weighted covariates, by treatment",
    "weighted_column_squares": "sums of weighted squares of covariates, by treatment",
    "not_marks": "whether covariates are other than 0 and 1",
    "scores_lowest": "numbers of scores in a bin or the next higher ones",
    "scores_highest": "numbers of scores in a bin or the next lower ones",
}


class _Message(SummaryMixin):
    """A file of names and arrays of numbers."""

    FORMAT: ClassVar[str]
    numbers: dict[str, FloatArray]

    def _check(self) -> None:
        """Refuse fields that are no texts, lists of texts, whole numbers or arrays of numbers."""
        for f in fields(self):  # type: ignore[arg-type]
            value = getattr(self, f.name)
            if f.name in _CHOICES and value not in _CHOICES[f.name]:
                raise SpecError(f"{f.name} is none of {', '.join(_CHOICES[f.name])}: {value!r}.")
            if not _fits(value, str(f.type)):
                raise SpecError(f"{f.name} cannot be {value!r}.")

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the message as text, and write it to a file where one is named.

        Parameters
        ----------
        path : str or Path, optional
        """
        values = asdict(self)  # type: ignore[call-overload]
        arrays = {k: np.asarray(v).tolist() for k, v in values["numbers"].items()}
        stored = {"format": self.FORMAT, "version": VERSION, **values, "numbers": arrays}
        text = json.dumps(sealed(stored), indent=1, allow_nan=False)
        if path is not None:
            Path(path).write_text(text + "\n", "utf-8")
        return text


def _fits(value: object, kind: str) -> bool:
    if kind.startswith("tuple"):
        return isinstance(value, tuple) and all(isinstance(v, str) for v in value)
    if kind.startswith("dict"):
        return isinstance(value, dict) and all(isinstance(k, str) for k in value)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    if kind == "float":
        return isinstance(value, float) and 0 < value < 1
    return isinstance(value, str)


@dataclass(frozen=True, repr=False)
class Question(_Message):
    """What the centre asks of all sites in one round.

    Attributes
    ----------
    analysis : {"hazards", "weighted rates"}
    outcome : str
        Of hazards: "response", "remission" or "relapse".
    estimand : str
        Of weights: "ate" or "overlap".
    plan, fingerprint : str
        Title and fingerprint of the plan, the same at every site.
    formula : str
        Covariates.
    stage : {"moments", "likelihood", "weights", "spread"}
    round : int
        1 for the first question.
    conf_level : float
    named : tuple of str
        Sites that the plan names.
    sites, marks : tuple of str
        Sites that answered the first question, and marks of the rows they answered with.
    terms, columns, labels, outcomes : tuple of str
        What they have in common: covariates, columns to be balanced, treatments and outcomes; empty
        before.
    without : tuple of str
        Sites that take no part, and why.
    caveat : str
    notes : tuple of str
        What the result says beside.
    numbers : dict of str to ndarray
        What the sites compute with, and what the centre has to remember.
    """

    FORMAT: ClassVar[str] = "trdstats question"

    analysis: Analysis
    outcome: Outcome
    estimand: Estimand
    plan: str
    fingerprint: str
    formula: str
    stage: Stage
    round: int
    conf_level: float
    named: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    caveat: str = ""
    notes: tuple[str, ...] = ()
    numbers: dict[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check()

    @property
    def mark(self) -> str:
        """SHA-256 of the question: an answer names the question it belongs to."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def about(self) -> str:
        """What is estimated, in words."""
        if self.analysis == "hazards":
            return f"hazard ratios of {self.outcome}, stratified by site"
        return f"rates of subjects with weights (estimand: {self.estimand})"

    def summary(self) -> Summary:
        """Return what is asked, in words."""
        return Summary(
            f"Question {self.round} to the sites",
            (
                ("Plan", f"{self.plan} ({self.fingerprint[:12]})"),
                ("Estimates", self.about),
                ("Covariates", self.formula),
                ("Asked for", ASKED[self.stage]),
                ("Sites", ", ".join(self.sites) or "all of the plan"),
            ),
            (),
            self.without,
        )


@dataclass(frozen=True, repr=False)
class Answer(_Message):
    """What one site answers: sums over its subjects.

    Attributes
    ----------
    site, fingerprint : str
    asked : str
        Mark of the question.
    about, formula, stage : str
        What was asked, for the board that reads the file.
    minimum : int
        Cells of fewer subjects were not to leave.
    rows : str
        Mark of the rows, from which they cannot be read: later rounds need the same ones.
    terms, columns, labels, outcomes : tuple of str
        Covariates; where subjects are weighted, columns to be balanced (reference levels too),
        treatments, and outcomes with their days.
    caveat : str
        What every comparison must say.
    refused : str
        Why the site takes no part; empty when it does.
    notes : tuple of str
        What the result says of the site.
    numbers : dict of str to ndarray
    """

    FORMAT: ClassVar[str] = "trdstats answer"

    site: str
    fingerprint: str
    asked: str
    about: str
    formula: str
    stage: Stage
    minimum: int
    rows: str = ""
    terms: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    caveat: str = ""
    refused: str = ""
    notes: tuple[str, ...] = ()
    numbers: dict[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check()

    def summary(self) -> Summary:
        """Return what is in the file, in words for a board that decides whether it may leave."""
        rows = tuple(
            (_IN_WORDS.get(name, name), format_count(np.size(v)))
            for name, v in self.numbers.items()
        )
        if self.refused:
            notes = [f"No number leaves the site: {self.refused}"]
        else:
            few = "No value of a covariate, a treatment or an outcome is that of fewer than "
            notes = [
                "Every number is a sum over subjects of the site; no row, identifier or date is in "
                "the file.",
                f"{few}{self.minimum} subjects, alone or crossed with treatment and outcome."
                if self.minimum > 1
                else "Sums of single subjects may be in the file: it is for work within one "
                "hospital.",
            ]
        return Summary(
            f"Answer of site {self.site}",
            (
                ("Plan", self.fingerprint[:12]),
                ("Estimates", self.about),
                ("Covariates", self.formula),
                ("Asked for", ASKED[self.stage]),
            ),
            (Table(("What leaves the site", "Numbers"), rows),) if rows else (),
            (*notes, *self.notes),
        )


_KINDS: dict[str, type[Question] | type[Answer]] = {
    kind.FORMAT: kind for kind in (Question, Answer)
}


@checked
def read_round(path: str | Path) -> Question | Answer:
    """Read a question of the centre, or the answer of a site.

    Parameters
    ----------
    path : str or Path
        A file that `to_json` wrote.

    Raises
    ------
    DataError
        When the file is neither, of another version, or was changed after it was written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import trdstats as trd
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "question.json"
    >>> _ = trd.ask_sites(trd.sample_plan("modalities"), "hazards").to_json(file)
    >>> trd.read_round(file).stage
    'moments'
    """
    try:
        stored = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, f"cannot be read: {why_unreadable(error)}") from error
    kind = _KINDS.get(str(stored.get("format"))) if isinstance(stored, dict) else None
    if kind is None:
        raise _unreadable(path, "is no question and no answer")
    if stored.get("version") != VERSION:
        raise _unreadable(
            path, f"is of version {stored.get('version')!r}; this one reads version {VERSION}"
        )
    try:
        given: dict[str, Any] = {f.name: stored[f.name] for f in fields(kind)}
        given = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
        given["numbers"] = {k: np.asarray(v, dtype=float) for k, v in stored["numbers"].items()}
        message = kind(**given)
    except (KeyError, TypeError, ValueError, AttributeError, SpecError) as error:
        words = f"lacks {error}" if isinstance(error, KeyError) else f"cannot be used: {error}"
        raise _unreadable(path, words.rstrip(".")) from error
    if not is_as_written(stored):
        raise _unreadable(path, "is not as it was written: its checksum is that of other numbers")
    return message


def _unreadable(path: str | Path, what: str) -> DataError:
    remedy = "Make it with trdstats ask, trdstats answer or trdstats next."
    return DataError([Problem("no_round", f"{str(path)!r} {what}.", (), remedy)])
