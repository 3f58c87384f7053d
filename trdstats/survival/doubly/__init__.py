"""Durability from visits: start and end of a response both lie between two of them."""
