"""Instruments: items, ranges, direction, severity bands, cut-offs, each with its source."""

from trdstats.scales.convert import convert, linked_scales, transfer_percent_change
from trdstats.scales.interpretation import Difference, RemissionCutoff, SeverityScheme
from trdstats.scales.mapping import read_scales, scale_from_mapping
from trdstats.scales.raters import averaged_scales, wrong_averages
from trdstats.scales.registry import get_scale, scale_names, search_scales
from trdstats.scales.scale import Scale
from trdstats.scales.scoring import ItemCode, Prorate, Scoring
from trdstats.scales.source import SET_BY_ANALYST, Certainty, Source
from trdstats.scales.staging import (
    judge_trials,
    stage_european,
    stage_maudsley,
    stage_mgh,
    stage_thase_rush,
)

__all__ = [
    "SET_BY_ANALYST",
    "Certainty",
    "Difference",
    "ItemCode",
    "Prorate",
    "RemissionCutoff",
    "Scale",
    "Scoring",
    "SeverityScheme",
    "Source",
    "averaged_scales",
    "convert",
    "get_scale",
    "judge_trials",
    "linked_scales",
    "read_scales",
    "scale_from_mapping",
    "scale_names",
    "search_scales",
    "stage_european",
    "stage_maudsley",
    "stage_mgh",
    "stage_thase_rush",
    "transfer_percent_change",
    "wrong_averages",
]
