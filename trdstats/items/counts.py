"""How many forms were scored, and how."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, slots=True)
class FormCounts:
    """Counts of forms; those of several tables add.

    Attributes
    ----------
    n, scored, flagged : int
        Forms, forms with a total, forms with findings.
    by_reason : dict of str to int
        Forms by what became of them, in the order of the reasons.
    from_one : int, optional
        Answers, where none is the lowest of its item; None where one is.
    """

    n: int
    scored: int
    flagged: int
    by_reason: dict[str, int]
    from_one: int | None

    @classmethod
    def of(cls, frame: pd.DataFrame, from_one: int | None) -> FormCounts:
        """Count scored forms, beside answers counted before."""
        # By the codes of the categories: texts are many, and known to be few.
        reasons, flags = (frame[name].cat for name in ("reason", "flags"))
        codes = reasons.codes.to_numpy()
        return cls(
            len(frame),
            int(frame["score"].notna().sum()),
            int(np.count_nonzero(flags.codes.to_numpy() != flags.categories.get_loc(""))),
            {
                str(name): int(np.count_nonzero(codes == k))
                for k, name in enumerate(reasons.categories)
            },
            from_one,
        )

    def __add__(self, other: FormCounts) -> FormCounts:
        neither = self.from_one is not None and other.from_one is not None
        return FormCounts(
            self.n + other.n,
            self.scored + other.scored,
            self.flagged + other.flagged,
            {k: n + other.by_reason[k] for k, n in self.by_reason.items()},
            (self.from_one or 0) + (other.from_one or 0) if neither else None,
        )
