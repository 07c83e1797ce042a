import subprocess
import sys

import pytest

HEAVY = ("torch", "interpret", "pygam", "matplotlib")


@pytest.mark.parametrize(
    "code, modules",
    [
        ("import glassbox", (*HEAVY, "sklearn", "pandas")),
        (
            "from glassbox import BoostedGAMClassifier, NAMClassifier, SplineGAMClassifier; "
            "BoostedGAMClassifier(); NAMClassifier(); SplineGAMClassifier()",
            HEAVY,
        ),
        ("from glassbox.datasets import load_birthwt; load_birthwt()", HEAVY),
    ],
)
def test_heavy_modules_load_when_they_are_needed(code, modules):
    code = f"import sys; {code}; print([m for m in {modules!r} if m in sys.modules])"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == "[]"


def test_every_public_name_can_be_had():
    import glassbox

    assert all(getattr(glassbox, name) is not None for name in glassbox.__all__)
    assert not hasattr(glassbox, "nothing")
