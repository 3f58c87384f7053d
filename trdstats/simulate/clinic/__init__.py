"""The forms of a clinic, item by item and messy on purpose."""
