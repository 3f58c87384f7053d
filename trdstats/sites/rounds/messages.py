"""What the centre asks and what a site answers: names and numbers, as JSON."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from trdstats.arguments import checked
from trdstats.arrays import FloatArray
from trdstats.errors import DataError, Problem
from trdstats.tables import Summary, SummaryMixin, Table, format_count

Analysis = Literal["hazards", "weighted rates"]
VERSION = 1
_REMEDY = "Make it with trdstats ask or trdstats answer."


class _Message(SummaryMixin):
    """A file of names and arrays of numbers."""

    FORMAT: ClassVar[str]

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the message as text, and write it to a file where one is named.

        Parameters
        ----------
        path : str or Path, optional
        """
        values = asdict(self)  # type: ignore[call-overload]
        arrays = {k: np.asarray(v).tolist() for k, v in values["numbers"].items()}
        stored = {"format": self.FORMAT, "version": VERSION, **values, "numbers": arrays}
        text = json.dumps(stored, indent=1, allow_nan=False)
        if path is not None:
            Path(path).write_text(text + "\n", "utf-8")
        return text


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
    sites, terms, labels, outcomes : tuple of str
        Sites that answered the first question, and the terms, treatments and outcomes they have in
        common; empty before.
    without : tuple of str
        Sites that did not take part, and why.
    caveat : str
    numbers : dict of str to ndarray
        What the sites are to compute with, and what the centre has to remember.
    """

    FORMAT: ClassVar[str] = "trdstats question"

    analysis: Analysis
    outcome: str
    estimand: str
    plan: str
    fingerprint: str
    formula: str
    stage: str
    round: int
    conf_level: float
    sites: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    caveat: str = ""
    numbers: dict[str, FloatArray] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """SHA-256 of the question: an answer names the question it belongs to."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def summary(self) -> Summary:
        """Return what is asked, in words."""
        of = self.outcome if self.analysis == "hazards" else f"estimand {self.estimand}"
        return Summary(
            f"Round {self.round} of {self.analysis} over sites",
            (
                ("Plan", f"{self.plan} ({self.fingerprint[:12]})"),
                ("Of", of),
                ("Covariates", self.formula),
                ("Asked", _ASKED[self.stage]),
                ("Sites", ", ".join(self.sites) or "not known yet"),
            ),
            (),
            self.without,
        )


_ASKED = {
    "moments": "means and variances of the covariates",
    "likelihood": "the likelihood and its derivatives at the coefficients of the file",
    "weights": "sums of weights, and of weights of those who met the outcomes",
    "spread": "cross-products of the subjects' influences on the rates",
}


@dataclass(frozen=True, repr=False)
class Answer(_Message):
    """What one site answers: sums over its subjects.

    Attributes
    ----------
    site, fingerprint : str
    asked : str
        Mark of the question.
    terms, labels, outcomes : tuple of str
        Of the covariates; treatments, and outcomes with their days, where subjects are weighted.
    caveat : str
        What every comparison must say.
    refused : str
        Why the site takes no part; empty when it does.
    numbers : dict of str to ndarray
    """

    FORMAT: ClassVar[str] = "trdstats answer"

    site: str
    fingerprint: str
    asked: str
    terms: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    caveat: str = ""
    refused: str = ""
    numbers: dict[str, FloatArray] = field(default_factory=dict)

    def summary(self) -> Summary:
        """Return what is in the file, in words for a board that decides whether it may leave."""
        rows = tuple((name, format_count(np.size(v))) for name, v in self.numbers.items())
        notes = [f"Nothing leaves the site: {self.refused}"] if self.refused else [
            "Every number is a sum over the subjects of the site; there is no row, identifier or "
            "date in the file."
        ]  # fmt: skip
        return Summary(
            f"Answer of site {self.site}",
            (("Plan", self.fingerprint[:12]), ("Question", self.asked[:12])),
            (Table(("What leaves the site", "Numbers"), rows),) if rows else (),
            tuple(notes),
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
        When the file is neither, or of another version.

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
        raise _unreadable(path, f"cannot be read: {error}") from error
    kind = _KINDS.get(str(stored.get("format"))) if isinstance(stored, dict) else None
    if kind is None:
        raise _unreadable(path, "is no question and no answer")
    if stored.get("version") != VERSION:
        raise _unreadable(
            path, f"is of version {stored.get('version')!r}; this one reads version {VERSION}"
        )
    try:
        given: dict[str, Any] = {f.name: stored[f.name] for f in fields(kind)}
        given = {k: tuple(map(str, v)) if isinstance(v, list) else v for k, v in given.items()}
        given["numbers"] = {
            str(k): np.asarray(v, dtype=float) for k, v in stored["numbers"].items()
        }
        if not all(np.isfinite(v).all() for v in given["numbers"].values()):
            raise ValueError("a number that is not finite")
        return kind(**given)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(path, f"lacks a part, or has a strange one: {error}") from error


def _unreadable(path: str | Path, what: str) -> DataError:
    return DataError([Problem("no_round", f"{str(path)!r} {what}.", (), _REMEDY)])
