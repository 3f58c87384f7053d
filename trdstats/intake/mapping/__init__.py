"""What an export holds in which column: a checked value, equal to a TOML file."""

from trdstats.intake.mapping.spec import ExportMapping

__all__ = ["ExportMapping"]
