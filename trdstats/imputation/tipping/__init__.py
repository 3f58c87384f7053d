"""How far missing values would have to move to change the conclusion."""
