"""A whole analysis as a value: what is studied, what counts, which steps, what is confirmatory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trdstats.arguments import Level
from trdstats.errors import unknown_name
from trdstats.outcomes import Definition
from trdstats.outcomes.switching import AfterSwitch
from trdstats.outcomes.verdicts.missing import Missing
from trdstats.plan.confirmatory import Confirmatory
from trdstats.plan.settings import StepSettings, TimeScale
from trdstats.plan.sites import Sites


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a plan with its settings.

    Attributes
    ----------
    name : str
        Name of its table in the plan, and of its section.
    kind : str
        Key of the `Step` that carries it out; the name, unless the table says ``step = ...``.
    settings : StepSettings
    """

    name: str
    kind: str
    settings: StepSettings


@dataclass(frozen=True)
class Plan:
    """What is to be analysed and how.

    Attributes
    ----------
    title : str
    study : dict
        The ``[study]`` table: where the data are and which column plays which part.
    definitions : mapping of str to Definition
        The ``[definitions]`` table: response, remission, relapse, and others by the names given.
    acute_end : float or dict of str to float
        Scheduled day of the last acute visit, one or one a treatment.
    rate_days : tuple of float
        Scheduled days at which rates are compared.
    reference : str, float, bool or None
        Treatment the others are compared with; None for the first.
    missing, interval, difference : str
        As `missing`, `method` and `difference` of `trdstats.rates`.
    horizon : float
        Days over which the restricted mean time to response is taken.
    durability_days : tuple of float
        Days since response at which relapse is tabulated.
    competing : tuple of str
        What competes with relapse.
    after_switch : str or None
        What becomes of those who started another treatment: see `trdstats.time_to`. In rates a
        switch that competes is a failure, and one that censors is ignored; None is as "ignore".
    adjust : str or None
        Covariates known before treatment for which cohorts are compared; None for crude only.
    time_scale : {"linear", "sqrt"}
        Axis of time in figures; "sqrt" gives early days room when follow-up is long.
    conf_level : float
    steps : tuple of PlannedStep
        What is done, in the order of the report.
    confirmatory : Confirmatory or None
        The primary and key secondary results, and the rule that guards against multiplicity.
    sites : Sites
        Hospitals that share summaries of the analysis and no rows.
    text : str
        The plan as written.
    folder : Path
        Where its relative files are looked for.
    """

    title: str
    study: dict[str, object]
    definitions: Mapping[str, Definition]
    acute_end: float | dict[str, float]
    rate_days: tuple[float, ...]
    reference: Level | None
    missing: Missing
    interval: str
    difference: str
    horizon: float
    durability_days: tuple[float, ...]
    competing: tuple[str, ...]
    after_switch: AfterSwitch | None
    adjust: str | None
    time_scale: TimeScale
    conf_level: float
    steps: tuple[PlannedStep, ...]
    confirmatory: Confirmatory | None
    sites: Sites
    text: str
    folder: Path

    @property
    def response(self) -> Definition:
        """What counts as response."""
        return self.definitions["response"]

    @property
    def remission(self) -> Definition:
        """What counts as remission."""
        return self.definitions["remission"]

    @property
    def relapse(self) -> Definition:
        """What counts as relapse."""
        return self.definitions["relapse"]

    @property
    def registration(self) -> str:
        """SHA-256 of the plan as written: the number under which it can be registered."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def definition(self, name: str) -> Definition:
        """Return a definition by its name.

        Raises
        ------
        UnknownNameError
            When the plan has no such definition.
        """
        if name not in self.definitions:
            raise unknown_name("definition of this plan", name, self.definitions)
        return self.definitions[name]
