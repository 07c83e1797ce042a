"""The parts of :mod:`glassbox.solvers.boosting`."""
