"""Hospitals that may not share rows: what each sends and guards, and what a centre makes of it."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
