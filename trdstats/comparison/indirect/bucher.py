"""Two treatments compared through a third that both were compared with."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

from trdstats.aliases import RowLike
from trdstats.arguments import checked
from trdstats.comparison.indirect.effect import Effect, differing_context
from trdstats.comparison.indirect.effect_rows import read_effect
from trdstats.comparison.indirect.result import IndirectComparison, Piece, estimates_of_pieces
from trdstats.errors import SpecError, check_level
from trdstats.kernels.numerics.tails import normal_sf
from trdstats.tables import format_p


@checked
@dataclass(frozen=True, slots=True)
class Bucher:
    """Anchored indirect comparison of two treatments.

    The effect of A against C less that of B against C, on the log scale for ratios; variances add.

    Parameters
    ----------
    conf_level : float, default 0.95

    References
    ----------
    Bucher, Guyatt, Griffith and Walter 1997, J Clin Epidemiol 50:683-691,
    doi:10.1016/S0895-4356(97)00049-8.

    Examples
    --------
    Esketamine against quetiapine (ESCAPE-TRD), and against an antidepressant with placebo
    (TRANSFORM-2): remission.

    >>> import trdstats as trd
    >>> rows = trd.published_figures(
    ...     trial="ESCAPE-TRD", outcome="remission", measure="odds ratio"
    ... ).frame
    >>> first = trd.read_effect(rows)
    >>> second = trd.Effect.from_counts("esketamine", 53, 101, "antidepressant + placebo", 31, 100,
    ...                                 measure="odds ratio", trial="TRANSFORM-2")
    >>> found = trd.Bucher().fit(first.reversed(), second.reversed())
    >>> round(float(found.tidy()["estimate"].iloc[-1]), 2)
    1.42
    """

    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_level(self.conf_level)

    def fit(
        self,
        first: Effect | RowLike,
        second: Effect | RowLike,
        *,
        direct: Effect | RowLike | None = None,
    ) -> IndirectComparison:
        """Compare the treatments of two effects against one common reference.

        Parameters
        ----------
        first, second : Effect or tidy row
            Of A against C, and of B against C, on one measure. An effect the other way round is
            turned with `Effect.reversed`.
        direct : Effect or tidy row, optional
            Of A against B, from trials that compared them: tested against the indirect one.

        Returns
        -------
        IndirectComparison

        Raises
        ------
        SpecError
            When the references or the measures differ.
        """
        one, other = read_effect(first), read_effect(second)
        _check_anchor(one, other)
        indirect = subtract(one, other)
        # Errors of the three sources: the two effects, and the direct one.
        pieces = [
            Piece.of(one, "first", (one.error, 0.0, 0.0)),
            Piece.of(other, "second", (0.0, other.error, 0.0)),
        ]
        notes = [
            f"The comparison holds where nothing that changes the effect against {one.reference} "
            "differs between the trials' patients.",
            *differing_context([one, other]),
        ]
        if direct is not None:
            known = read_effect(direct)
            notes.append(_consistency(known, indirect))
            pieces.append(Piece.of(known, "direct", (0.0, 0.0, known.error)))
        pieces.append(Piece.of(indirect, "indirect", (one.error, -other.error, 0.0)))
        header = [("Through", one.reference)]
        if one.trial or other.trial:
            header.append(("Trials", f"{one.trial or 'not named'}; {other.trial or 'not named'}"))
        title = "Indirect comparison (Bucher)"
        return IndirectComparison(
            title, tuple(header), tuple(notes), conf_level=self.conf_level,
            _values=estimates_of_pieces(pieces, title, tuple(notes)),
        )  # fmt: skip


def subtract(one: Effect, other: Effect) -> Effect:
    """Return A against B from A against C and B against C."""
    return Effect.on_scale(
        one.measure, one.treatment, other.treatment, one.value - other.value,
        hypot(one.error, other.error),
    )  # fmt: skip


def _check_anchor(one: Effect, other: Effect) -> None:
    if one.measure != other.measure:
        raise SpecError(
            f"The effects have different measures: {one.measure} and {other.measure}. Bring both "
            "to one, for example from counts with Effect.from_counts(..., measure=...)."
        )
    if one.reference != other.reference:
        turned = {e.treatment for e in (one, other)} & {one.reference, other.reference}
        hint = (
            f" {sorted(turned)[0]} is the treatment of one and the reference of the other: turn "
            "that effect with .reversed()."
            if turned
            else " Where the two names mean one treatment, give both the same."
        )
        raise SpecError(
            "The effects have no common reference: "
            f"{one.treatment} v {one.reference}, {other.treatment} v {other.reference}.{hint}"
        )
    if one.treatment == other.treatment:
        raise SpecError(
            f"Both effects are of {one.treatment} v {one.reference}: pool them with "
            "meta_analysis()."
        )


def _consistency(direct: Effect, indirect: Effect) -> str:
    if (direct.treatment, direct.reference) == (indirect.reference, indirect.treatment):
        direct = direct.reversed()
    if (direct.treatment, direct.reference, direct.measure) != (
        indirect.treatment, indirect.reference, indirect.measure,
    ):  # fmt: skip
        raise SpecError(
            f"The direct effect must be the {indirect.measure} of {indirect.treatment} v "
            f"{indirect.reference}; got the {direct.measure} of {direct.treatment} v "
            f"{direct.reference}."
        )
    z = (direct.value - indirect.value) / hypot(direct.error, indirect.error)
    p = float(2 * normal_sf(abs(z)))
    words = "disagree" if p < 0.05 else "do not disagree beyond chance"
    return f"Direct and indirect evidence {words} (z {z:.2f}, p {format_p(p)})."
