"""The instruments that ship with the library, found by any of their usual names."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources

from trdstats.arguments import checked
from trdstats.errors import SpecError, unknown_name
from trdstats.scales.mapping import scale_from_mapping
from trdstats.scales.scale import Scale


def _fold(name: str) -> str:
    """Return a name without case, spaces and punctuation: ``HAM-D 17`` is ``hamd17``."""
    return "".join(c for c in name.casefold() if c.isalnum())


@cache
def _instruments() -> dict[str, Scale]:
    text = resources.files("trdstats.scales").joinpath("instruments.toml").read_text("utf-8")
    return {label: scale_from_mapping(label, data) for label, data in tomllib.loads(text).items()}


@cache
def _index() -> dict[str, str]:
    index: dict[str, str] = {}
    for label, scale in _instruments().items():
        for name in (label, scale.name, *scale.aliases):
            if index.setdefault(_fold(name), label) != label:
                raise SpecError(f"Two instruments share the name {name!r}.")
    return index


def scale_names() -> list[str]:
    """Return the labels of all instruments that ship with the library."""
    return list(_instruments())


def usual_names() -> dict[str, str]:
    """Return the label of each instrument by its names, in small letters and digits only."""
    return dict(_index())


@checked
def search_scales(text: str = "") -> list[Scale]:
    """Return the instruments in which a text occurs, all of them for an empty text.

    Parameters
    ----------
    text : str
        Looked for, in any case, in labels, names, aliases, rater, recall, notes and sources.

    Examples
    --------
    >>> [scale.label for scale in search_scales("STAR*D")]
    ['HAMD17', 'QIDSSR16', 'HAMD6', 'QIDSC16']
    """
    wanted = text.casefold()
    return [s for s in _instruments().values() if any(wanted in w.casefold() for w in _words(s))]


def _words(scale: Scale) -> Iterator[str]:
    yield from (scale.label, scale.name, *scale.aliases, scale.rater, scale.recall, *scale.notes)
    sources = [scale.source] if scale.source else []
    sources += [s.source for s in scale.schemes] + [c.source for c in scale.remission]
    sources += [d.source for d in scale.differences]
    yield from (s.citation for s in sources)
    yield from (d.population for d in scale.differences)


@checked
def get_scale(scale: str | Scale) -> Scale:
    """Return an instrument by any of its usual names.

    Parameters
    ----------
    scale : str or Scale
        Label or alias, in any case and punctuation; a `Scale` is returned as it is.

    Raises
    ------
    UnknownNameError
        When no instrument has that name; the nearest names are offered.

    Examples
    --------
    >>> get_scale("ham-d 17").label
    'HAMD17'
    """
    if isinstance(scale, Scale):
        return scale
    label = _index().get(_fold(str(scale)))
    if label is None:
        names = [n for label, s in _instruments().items() for n in (label, *s.aliases)]
        raise unknown_name("scale", scale, names)
    return _instruments()[label]
