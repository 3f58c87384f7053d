"""A finished study looked at: ratings that contradict each other, days that few reach, windows."""
