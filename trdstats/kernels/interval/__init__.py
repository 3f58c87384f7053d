"""Times known to lie between two visits."""
