"""The sample studies: simulated, seeded and reproducible to the byte.

Two studies are made from published numbers: `modalities`, eight non-randomised cohorts each on
its own visit schedule, and `trial`, three randomised arms on one. Every parameter lives in
``cohorts.toml`` with its source; ``python -m trdstats.study.samples sample_data`` writes them.
"""

from trdstats.study.samples.modalities import simulate_modalities
from trdstats.study.samples.record import SampleStudy
from trdstats.study.samples.trial import simulate_trial
from trdstats.study.samples.write import write_samples

__all__ = ["SampleStudy", "simulate_modalities", "simulate_trial", "write_samples"]
