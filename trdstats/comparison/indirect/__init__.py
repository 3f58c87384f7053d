"""Treatments that no trial compared: published arms and meta-analysis."""
