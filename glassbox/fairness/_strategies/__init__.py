"""Remove, train-then-clean, blind at test time: how they are done."""
