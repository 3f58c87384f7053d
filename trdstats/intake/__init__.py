"""Exports into plain tables and roles: files, dates to days, wide to long, codes to labels."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
