"""Comparing cohorts that were not randomised, and treatments that no trial compared."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
