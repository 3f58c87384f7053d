"""A study from datasets of CDISC ADaM, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from trdstats.aliases import TableLike
from trdstats.arguments import checked_methods
from trdstats.errors import DataWarning, describe_problems, warn
from trdstats.intake.adam import AdamTables, adam_tables, tables_from_adam
from trdstats.scales import Scale
from trdstats.study.study.held import HeldTables

if TYPE_CHECKING:
    from trdstats.study.study.study import Study


@checked_methods
class InAdam(HeldTables):
    """The way from ADaM to a study and back: see `Study`."""

    __slots__ = ()

    @classmethod
    def from_adam(
        cls,
        adsl: TableLike,
        adqs: TableLike,
        adtte: TableLike | None = None,
        *,
        scales: Mapping[str, str | Scale] | None = None,
        treatment: Literal["planned", "actual"] = "planned",
        population: str | None = None,
        analysis_flag: str | None = "ANL01FL",
        derived: str | Sequence[str] = (),
        visit_days: Mapping[str, float] | Mapping[float, float] | None = None,
        events: Mapping[str, str] | None = None,
        date_order: Literal["day first", "month first", "year first"] | None = None,
        **roles: Any,
    ) -> Study:
        """Return the study in datasets of CDISC ADaM.

        Parameters
        ----------
        adsl, adqs, adtte : DataFrame, str or Path
            Subjects; scores in the basic data structure, one record a subject, PARAMCD and
            visit; times to events. Files as in `read_file`.
        scales : dict of PARAMCD to scale, optional
            Which parameters are totals of which scale, the primary one first. Default: those
            whose PARAMCD or PARAM is the name of a scale, by PARAMN.
        treatment : {"planned", "actual"}
            TRT01P or TRT01A of ADSL; without them TRTP or TRTA of the records.
        population : str, optional
            Flag of ADSL that must be Y, such as ``"ITTFL"``. Default: all subjects.
        analysis_flag : str or None, default "ANL01FL"
            Flag of the records that count. Baseline records (ABLFL) always count; where there
            is no ANL01FL all do.
        derived : str or sequence of str
            Kinds of derived records (DTYPE, such as ``"LOCF"``) to keep. Default: none, for they
            are no observations.
        visit_days : dict of AVISIT or AVISITN to day, optional
            Days since first treatment, from which windows are made. Default: AWTARGET, AWLO and
            AWHI, else names of AVISIT that say their day.
        events : dict of PARAMCD to event, optional
            Which parameters of ADTTE are events, and what they are called. Default: all, by
            EVNTDESC or PARAM. Records with CNSR 0 are events; censored ones are counted.
        date_order : {"day first", "month first", "year first"}, optional
            How TRTSDT and ADT are written where they are texts such as 03/04/2024. Default: as
            all of them together show. Numbers are dates of SAS, days since 1960.
        **roles
            windows, randomised and the other arguments of `Study`, in place of what the
            datasets say. Default of `randomised`: whether RANDFL is Y for all.

        Returns
        -------
        Study
            Days since first treatment are ADY - 1 from study day 1 on and ADY before: CDISC has
            no day 0. Baselines are those of BASE or ABLFL. What was left out is among `notices`.

        Raises
        ------
        DataError
            With what is wrong with the datasets: ADY 0, several BASE of a subject, ...
        UnknownNameError
            When something named is not there.

        References
        ----------
        CDISC Analysis Data Model Implementation Guide, version 1.3 (2021), sections 3.2 and 3.3.

        Examples
        --------
        >>> from trdstats.study import Study, load_sample
        >>> adsl, adqs, adtte = load_sample("trial").to_adam()
        >>> Study.from_adam(adsl, adqs, adtte).treatments
        ('TMS', 'ECT', 'IV ketamine')
        """
        tables = tables_from_adam(
            adsl, adqs, adtte, scales=scales, treatment=treatment, population=population,
            analysis_flag=analysis_flag, derived=derived, visit_days=visit_days, events=events,
            date_order=date_order,
        )  # fmt: skip
        limits = [p for p in tables.notices if p.level == "warning"]
        if limits:
            warn(describe_problems(limits), DataWarning)
        make = cast("type[Study]", cls)
        study = make(tables.visits, tables.subjects, tables.events, **{**tables.roles, **roles})
        return study.noting(tables.notices)

    def to_adam(self) -> AdamTables:
        """Return the study as datasets of CDISC ADaM: `from_adam` reads them back.

        Returns
        -------
        AdamTables
            ADSL, ADQS and, where there are events, ADTTE. Study days follow CDISC: first
            treatment is day 1 and the day before it -1; parts of days stand beside them in ARELTM.
            ANL01FL is Y for all records, ANL02FL for those that stand for a scheduled visit.
            Windows in which no subject was assessed are not part of the datasets.

        Raises
        ------
        SpecError
            When a column has the name of a variable of ADaM.

        Examples
        --------
        >>> from trdstats.study import load_sample
        >>> int(load_sample("trial").to_adam().adqs["ADY"].min())
        -7
        """
        panels = self._tables.panels
        return adam_tables(
            self.subjects,
            {label: panel.visits for label, panel in panels.items()},
            {label: panel.baseline for label, panel in panels.items()},
            self.events,
            None if self.windows is None else {k: w.spans() for k, w in self.windows.items()},
            randomised=self.randomised,
        )
