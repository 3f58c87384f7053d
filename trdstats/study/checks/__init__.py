"""What can be wrong with the tables of a study: each check returns a problem or nothing.

A check sees plain arrays that share one row order and says, for every row at fault, which
subject and which row it is, and how to mend it. Nothing is repaired here.
"""
