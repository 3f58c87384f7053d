"""One verdict a subject at a scheduled day."""
