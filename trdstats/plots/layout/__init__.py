"""Axes, colours, legends and pages: what all figures share."""
