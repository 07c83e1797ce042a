"""How networks are trained: torch lives here and nowhere else."""
