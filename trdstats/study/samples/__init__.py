"""The sample studies: simulated, seeded and reproducible to the byte.

Two studies are made from published numbers: `modalities`, eight non-randomised cohorts each on
its own visit schedule, and `trial`, three randomised arms on one; their parameters live in
``cohorts.toml`` with their sources. `registry` holds the forms of a clinic, item by item and messy
on purpose. ``python -m trdstats.study.samples sample_data`` writes them.
"""

from trdstats.study.samples.modalities import simulate_modalities
from trdstats.study.samples.record import SampleStudy
from trdstats.study.samples.referral import simulate_referral
from trdstats.study.samples.registry import RegistrySample, simulate_registry
from trdstats.study.samples.trial import simulate_trial
from trdstats.study.samples.write import write_samples

__all__ = [
    "RegistrySample",
    "SampleStudy",
    "simulate_modalities",
    "simulate_referral",
    "simulate_registry",
    "simulate_trial",
    "write_samples",
]
