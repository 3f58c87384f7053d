"""The published definitions by name: who used which rule, and how sure we are of it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.errors import SpecError, UnverifiedError, unknown_name
from trdstats.kernels.visits.endpoints import RatedVisits, States
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.rules.from_mapping import definition_from_mapping
from trdstats.outcomes.rules.spacing import Spacing
from trdstats.outcomes.rules.states import Remission
from trdstats.scales import Scale, Source, get_scale, scale_names
from trdstats.tables import Summary, SummaryMixin, Table, each_row

CONCEPTS = ("response", "remission", "onset", "sustained", "relapse", "recovery", "deterioration")


@dataclass(frozen=True, repr=False)
class PublishedDefinition(Definition):
    """A definition as a trial or a consensus published it.

    It judges visits as its rule does, but only on the scales for which it was published.

    Attributes
    ----------
    key : str
        Name in ``trd.definitions``.
    title : str
        What it calls itself.
    concept : str
        One of response, remission, onset, sustained, relapse, recovery, deterioration.
    trial : str
        Who used it.
    modality, scales : tuple of str
        Treatments and instruments; empty where it is general.
    rule : Definition
        The rule itself, for use on other scales or with other arguments.
    source : Source
        Citation and certainty.
    since : str
        Name of the definition from which its time counts; empty where it has none.
    remarks : tuple of str
        What the rule leaves out, or how a loose wording was read.
    """

    key: str
    title: str
    concept: str
    trial: str
    modality: tuple[str, ...]
    scales: tuple[str, ...]
    rule: Definition
    source: Source
    since: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def is_worsening(self) -> bool | None:
        """Whether the definition is a bad outcome."""
        return self.rule.is_worsening

    @property
    def name(self) -> str:
        """Title and trial."""
        return f"{self.title} ({self.trial})"

    @property
    def is_event(self) -> bool:
        """Whether the rule is an event."""
        return self.rule.is_event

    @property
    def is_cumulative(self) -> bool:
        """Whether the rule is cumulative."""
        return self.rule.is_cumulative

    @property
    def ends_when_known(self) -> bool:
        """Whether the rule ends so."""
        return self.rule.ends_when_known

    @property
    def events(self) -> tuple[str, ...]:
        """Kinds of the events table that count."""
        return self.rule.events

    @property
    def spacings(self) -> tuple[Spacing, ...]:
        """What the rule asks of the days between assessments."""
        return self.rule.spacings

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit.

        Raises
        ------
        SpecError
            When the definition was not published for the scale.
        """
        if self.scales and scale.label not in self.scales:
            named = " and ".join(self.scales)
            raise SpecError(
                f"{self.name} is defined on {named}, and the study shows {scale.label}. See the "
                f"study on that scale with study.on({self.scales[0]!r}), or take the rule itself: "
                f"definitions[{self.key!r}].rule."
            )
        return self.rule.evaluate(visits, scale)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words; of one scale, in its points."""
        if scale is None and len(self.scales) == 1:
            scale = get_scale(self.scales[0])
        return self.rule.describe(scale)

    def label(self, scale: Scale | None = None) -> str:
        """Return title and trial."""
        return self.name

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the source."""
        return (self.source,)

    def summary(self) -> Summary:
        """Return the card of the definition."""
        header = [("Name", self.key), ("Concept", self.concept), ("Trial", self.trial)]
        header += [("Treatment", ", ".join(self.modality))] if self.modality else []
        header += [("Scale", ", ".join(self.scales) or "any"), ("Rule", self.describe())]
        header += [("Counted since", self.since)] if self.since else []
        header += [("Source", self.source.cite()), ("Methods", self.methods())]
        return Summary(self.name[:1].upper() + self.name[1:], tuple(header), notes=self.remarks)


@checked_methods
class PublishedDefinitions(SummaryMixin):
    """The published definitions by name.

    ``definitions["sustain1"]`` returns one; `search` lists them. A definition recalled with
    doubt, or of which a part is not known, has to be asked for with ``get(...,
    allow_unverified=True)``.

    Examples
    --------
    >>> definitions["sustain1"].rule.at_least
    22
    >>> definitions.search(modality="ECT", concept="relapse")["name"].tolist()
    ['sackeim2001', 'core2006', 'pride', 'elektd', 'ketect']
    """

    def __getitem__(self, name: str) -> PublishedDefinition:
        return self.get(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_entries())

    def __len__(self) -> int:
        return len(_entries())

    def __contains__(self, name: object) -> bool:
        return name in _entries()

    def get(self, name: str, *, allow_unverified: bool = False) -> PublishedDefinition:
        """Return a definition by name.

        Parameters
        ----------
        name : str
        allow_unverified : bool
            Whether a rule that was recalled with doubt will do.

        Raises
        ------
        UnknownNameError
            When no definition has the name.
        UnverifiedError
            When the rule rests on a source with doubt, or is not known.
        """
        entries = _entries()
        if name not in entries:
            raise unknown_name("definition", name, entries)
        entry = entries[name]
        source = Source(**entry["source"])
        if "lacking" in entry:
            raise UnverifiedError(
                f"{name!r} cannot be used, for this was not verified: {entry['lacking']} "
                f"({source.citation}). Write the rule yourself once you have seen it."
            )
        if source.certainty == "M?" and not allow_unverified:
            raise UnverifiedError(
                f"{name!r} is recalled with doubt ({source.citation}): check the paper, then take "
                f"it with definitions.get({name!r}, allow_unverified=True)."
            )
        return PublishedDefinition(
            key=name,
            title=entry["title"],
            concept=entry["concept"],
            trial=entry["trial"],
            modality=tuple(entry.get("modality", ())),
            scales=tuple(entry.get("scales", ())),
            rule=definition_from_mapping(entry["rule"]),
            source=source,
            since=entry.get("since", ""),
            remarks=tuple(entry.get("remarks", ())),
        )

    def search(
        self,
        text: str = "",
        *,
        trial: str = "",
        scale: str = "",
        modality: str = "",
        concept: str = "",
    ) -> pd.DataFrame:
        """List definitions.

        Parameters
        ----------
        text : str
            Looked for, in any case, in everything a definition says.
        trial, modality : str
            Looked for, in any case, in who used it and for which treatment.
        scale : str
            Instrument on which it must be usable, by any of its names.
        concept : str
            response, remission, onset, sustained, relapse, recovery or deterioration.

        Returns
        -------
        pandas.DataFrame
            name, concept, title, trial, modality, scales, rule (in words; what is lacking where
            it was not verified), source, certainty.

        Raises
        ------
        UnknownNameError
            When the scale or the concept is not known.
        """
        if concept and concept not in CONCEPTS:
            raise unknown_name("concept", concept, CONCEPTS)
        label = get_scale(scale).label if scale else ""
        rows = [_row(name, entry) for name, entry in _entries().items()]
        frame = pd.DataFrame(rows)
        keep = _mentions(frame, list(frame.columns), text)
        keep &= _mentions(frame, ["trial"], trial) & _mentions(frame, ["modality"], modality)
        if concept:
            keep &= frame["concept"] == concept
        if label:
            scales = [entry.get("scales", ()) for entry in _entries().values()]
            keep &= pd.Series([not s or label in s for s in scales], index=frame.index)
        return frame[keep].reset_index(drop=True)

    def summary(self) -> Summary:
        """Return the list of all definitions but the cut-offs of remission."""
        frame = self.search()
        listed = frame[~frame["name"].isin([name for name, _ in _cutoffs()])]
        rows = tuple(
            (r.name, r.concept, r.trial, r.scales or "any", r.certainty) for r in each_row(listed)
        )
        return Summary(
            "Published definitions",
            tables=(Table(("Name", "Concept", "Trial", "Scale", "Certainty"), rows, 5),),
            notes=(
                f"{len(frame) - len(listed)} more are remission by one of the cut-offs in use: "
                "remission_<scale>_<cut-off>.",
                "Certainty: V verified in the source, V2 in a secondary one, D derived, M recalled "
                "and not verified, M? recalled with doubt.",
            ),
        )


definitions = PublishedDefinitions()


@cache
def _entries() -> dict[str, dict[str, Any]]:
    text = resources.files("trdstats.outcomes.rules").joinpath("presets.toml").read_text("utf-8")
    return {**tomllib.loads(text), **dict(_cutoffs())}


def _cutoffs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield remission by every cut-off in use, as entries of the same form."""
    for label in scale_names():
        for cutoff in get_scale(label).remission:
            source = cutoff.source
            which = {"at_most" if cutoff.at_least is None else "at_least": cutoff.total}
            yield (
                f"remission_{label.lower()}_{cutoff.total}",
                {
                    "title": Remission(**which).label(get_scale(label)),
                    "concept": "remission",
                    "trial": source.citation,
                    "scales": [label],
                    "rule": {"is": "Remission", **which},
                    "source": {
                        "citation": source.citation,
                        "doi": source.doi,
                        "certainty": source.certainty,
                    },
                },
            )


def _row(name: str, entry: Mapping[str, Any]) -> dict[str, str]:
    source = Source(**entry["source"])
    scales = entry.get("scales", ())
    one = get_scale(scales[0]) if len(scales) == 1 else None
    rule = (
        f"lacking: {entry['lacking']}"
        if "lacking" in entry
        else definition_from_mapping(entry["rule"]).describe(one)
    )
    return {
        "name": name,
        "concept": entry["concept"],
        "title": entry["title"],
        "trial": entry["trial"],
        "modality": ", ".join(entry.get("modality", ())),
        "scales": ", ".join(scales),
        "rule": rule,
        "source": source.citation + (f", doi:{source.doi}" if source.doi else ""),
        "certainty": source.certainty,
    }


def _mentions(frame: pd.DataFrame, columns: list[str], text: str) -> pd.Series[bool]:
    wanted = text.casefold()
    mentions = pd.Series(False, index=frame.index)
    for column in columns:
        mentions |= frame[column].map(lambda cell: wanted in cell.casefold())
    return mentions
