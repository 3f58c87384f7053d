"""Definitions of response, remission, relapse and durability, as rules over visits."""
