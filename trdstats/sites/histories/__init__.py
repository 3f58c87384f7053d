"""Histories of response over sites: how many had which course, guarded, masked and pooled."""
