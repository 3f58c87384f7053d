"""A whole analysis as one TOML file, carried out into one folder."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
