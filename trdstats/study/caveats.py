"""What a comparison must say of itself, as a value whose parts are known apart from its text."""

from __future__ import annotations

UNADJUSTED = "Unadjusted: treatments were not randomised"
WEIGHTED = "Not randomised; weights balance only what was measured"


class Caveat(str):
    """Cautions of a comparison: a text for readers, and the parts it was made of.

    Attributes
    ----------
    parts : tuple of str
    """

    __slots__ = ("parts",)
    parts: tuple[str, ...]

    def __new__(cls, text: str = "", parts: tuple[str, ...] | None = None) -> Caveat:
        """Make one of a text; its parts are the text itself unless they are given."""
        made = super().__new__(cls, text)
        made.parts = parts if parts is not None else ((text,) if text else ())
        return made

    @classmethod
    def of(cls, *parts: str) -> Caveat:
        """Return the cautions that are not empty, one sentence after the other."""
        texts = tuple(str(p) for p in parts if p)
        return cls(". ".join(texts), texts)

    @classmethod
    def read(cls, text: str) -> Caveat:
        """Return cautions with their parts; a plain text is one part."""
        return text if isinstance(text, cls) else cls(text)

    def adjusted_for(self, covariates: str) -> Caveat:
        """Return what is left to be said when a model adjusts for covariates.

        Only what is said of treatments that were not randomised changes.
        """
        instead = {
            UNADJUSTED: f"Treatments were not randomised; adjusted for {covariates}",
            WEIGHTED: f"{WEIGHTED}; adjusted for {covariates}",
        }
        return Caveat.of(*(instead.get(part, part) for part in self.parts))

    def under_adjusting_weights(self) -> Caveat:
        """Return what is left to be said when weights balance the covariates."""
        return Caveat.of(*(WEIGHTED if part == UNADJUSTED else part for part in self.parts))

    def __reduce__(self) -> tuple[type[Caveat], tuple[str, tuple[str, ...]]]:
        return type(self), (str(self), self.parts)
