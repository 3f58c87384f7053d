"""Classes of antidepressants as histories write them: plurals, synonyms, and names of drugs."""

from __future__ import annotations

import re

TRICYCLIC, MAO_INHIBITOR = "TCA", "MAOI"
# Written where no class failed; an empty cell says that it is not known.
_NONE = frozenset({"none", "no", "nil", "0", "-"})
_NO_CLASS = frozenset({
    "unknown", "not known", "n/a", "na", "nk", "not done", "?", "ect", "bilateral ect", "rtms",
    "tms", "psychotherapy", "cbt",
})  # fmt: skip
_SYNONYMS = {
    "tricyclic": TRICYCLIC, "tricyclic antidepressant": TRICYCLIC, "mao-i": MAO_INHIBITOR,
    "mao inhibitor": MAO_INHIBITOR, "monoamine oxidase inhibitor": MAO_INHIBITOR,
}  # fmt: skip
_DRUGS = {
    "SSRI": ("citalopram", "escitalopram", "fluoxetine", "fluvoxamine", "paroxetine", "sertraline"),
    "SNRI": ("desvenlafaxine", "duloxetine", "levomilnacipran", "milnacipran", "venlafaxine"),
    TRICYCLIC: ("amitriptyline", "clomipramine", "desipramine", "dosulepin", "doxepin",
                "imipramine", "lofepramine", "nortriptyline", "protriptyline", "trimipramine"),
    MAO_INHIBITOR: ("isocarboxazid", "phenelzine", "tranylcypromine"),
    "NDRI": ("bupropion",),
    "NASSA": ("mirtazapine",),
    "SARI": ("trazodone", "nefazodone"),
    "NRI": ("reboxetine",),
}  # fmt: skip
_CLASS_OF_DRUG = {drug: name for name, drugs in _DRUGS.items() for drug in drugs}
_ACRONYMS = frozenset(_DRUGS)


def read_classes(text: str) -> frozenset[str] | None:
    """Return the classes that a text names; None where an entry is no class.

    Parameters
    ----------
    text : str
        Classes or drugs, separated by commas, semicolons, slashes or plus signs. A drug counts
        as its class; a name that is not known is a class by itself.

    Examples
    --------
    >>> sorted(read_classes("SSRIs, sertraline; tricyclic"))
    ['SSRI', 'TCA']
    >>> read_classes("none"), read_classes("SSRI, ECT")
    (frozenset(), None)
    """
    named = [part.strip().lower() for part in re.split(r"[,;/+&|\n]", text)]
    named = [part for part in named if part]
    if len(named) == 1 and named[0] in _NONE:
        return frozenset()
    classes = {_read_one(part) for part in named}
    return None if None in classes else frozenset(str(c) for c in classes)


def _read_one(name: str) -> str | None:
    """Return the class of one entry; None where it is none, or holds several."""
    several = sum(word.upper().removesuffix("S") in _ACRONYMS for word in name.split()) > 1
    if name in _NO_CLASS or name in _NONE or name.replace(".", "").isdigit() or several:
        return None
    single = name.removesuffix("s") if name.endswith(("is", "as", "cs", "ts", "rs")) else name
    known = _SYNONYMS.get(single) or _CLASS_OF_DRUG.get(name)
    return known or single.upper()
