"""Tidy frames as figures: each function takes a frame and an Axes and returns the Axes."""

import lazy_loader as _lazy

# Drawing needs matplotlib and seaborn, which are slow to import: they are imported at the first
# use.
__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
