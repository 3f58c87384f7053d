"""Which column plays which part, said once and checked on creation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trdstats.errors import SpecError
from trdstats.scales import Scale, get_scale
from trdstats.study.plausibility.duplicates import read_rule

EVENT_KINDS = (
    "rescue", "switch", "hospitalisation", "death", "withdrawal", "suicide attempt", "suicide",
    "suicidality", "clinical worsening", "augmentation", "second course",
)  # fmt: skip
LEFT_FOLLOW_UP = "left follow-up"  # no kind of the events table: seen from the visits


@dataclass(frozen=True, slots=True)
class Measure:
    """One scale of a study: where its scores and its baseline stand.

    Attributes
    ----------
    scale : Scale
    score : str
        Column of the visits table.
    baseline : str or None
        Column with the baseline total of each subject; None for the last score at day <= 0.
    """

    scale: Scale
    score: str
    baseline: str | None


@dataclass(frozen=True, slots=True)
class Roles:
    """Columns of the user's tables by the part they play.

    Attributes
    ----------
    subject, treatment, day : str
        Column names.
    measures : tuple of Measure
        The scales, the primary one first.
    instrument : str or None
        Column of the visits table that names the scale of each row, when scales share one
        score column.
    duplicates : str, (column, value) or None
        Which of several scores of a subject on one day stands for it; None refuses them.
    """

    subject: str
    treatment: str
    day: str
    measures: tuple[Measure, ...]
    instrument: str | None
    duplicates: str | tuple[str, str] | None = None


def read_roles(
    *,
    scale: str | Scale | Sequence[str | Scale],
    subject: str,
    treatment: str,
    day: str,
    score: str | Mapping[str, str],
    baseline: str | Mapping[str, str] | None,
    instrument: str | None,
    duplicates: str | Mapping[str, object] | None = None,
) -> Roles:
    """Return checked roles from the arguments of a study.

    Raises
    ------
    UnknownNameError
        When a scale is not known.
    SpecError
        When the arguments contradict each other.
    """
    if not isinstance(scale, Iterable | Scale):
        raise SpecError(f"scale names an instrument, or several, as scale='MADRS'; got {scale!r}.")
    given = [scale] if isinstance(scale, str | Scale) else list(scale)
    if not given:
        raise SpecError('scale must name at least one instrument, for example scale="MADRS".')
    scales = [get_scale(s) for s in given]
    labels = [s.label for s in scales]
    if len(set(labels)) < len(labels):
        raise SpecError(f"scale names an instrument twice: {', '.join(labels)}.")
    if len(scales) > 1 and isinstance(score, str) and instrument is None:
        raise SpecError(
            "Several scales need their columns: score={'MADRS': 'madrs', 'PHQ9': 'phq9'} when each "
            "has its own, or instrument='column' when one score column holds them all."
        )
    if not isinstance(score, str) and instrument is not None:
        raise SpecError("Give either one score column for each scale or `instrument`, not both.")
    scores = _by_scale("score", score, labels)
    baselines = _by_scale("baseline", baseline, labels, partial=True)
    return Roles(
        subject=subject,
        treatment=treatment,
        day=day,
        measures=tuple(Measure(s, scores[s.label], baselines.get(s.label)) for s in scales),
        instrument=instrument,
        duplicates=read_rule(duplicates),
    )


def _by_scale(
    what: str, value: str | Mapping[str, str] | None, labels: list[str], *, partial: bool = False
) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, str):
        # One baseline column can only be that of the primary scale.
        return dict.fromkeys(labels[:1] if partial else labels, value)
    scales_by_code = {get_scale(k).label: column for k, column in value.items()}
    extra = [k for k in scales_by_code if k not in labels]
    lacking = [k for k in labels if k not in scales_by_code and not partial]
    if extra or lacking:
        sentences = [f"{k} is not among the scales" for k in extra]
        sentences += [f"{k} has no column" for k in lacking]
        raise SpecError(f"{what} must name one column for each scale: {'; '.join(sentences)}.")
    return scales_by_code
