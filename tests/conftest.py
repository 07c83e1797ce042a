"""Settings of all tests."""

import os

from hypothesis import settings

# On a busy machine a single example may take long. Hypothesis' own profile for continuous
# integration says so already, and makes runs repeatable.
if "CI" not in os.environ:
    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")
