"""Courses of treatment: what was given to whom and when, and what follows from it."""
