"""Which way is better, in the words of an axis; needs no drawing library."""

from __future__ import annotations

from typing import Literal

Better = Literal["lower", "higher"]


def say_direction(label: str, better: Better | None) -> str:
    """Return an axis label that also says which way is better, when one is."""
    if better is None:
        return label
    if label.endswith(")"):
        return f"{label[:-1]}; {better} = better)"
    return f"{label} ({better} = better)"
