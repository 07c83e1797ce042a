import subprocess
import sys


def test_import_is_light():
    code = (
        "import sys, glassbox; "
        "print([m for m in ('torch', 'interpret', 'pygam', 'matplotlib', 'sklearn', 'pandas') "
        "if m in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == "[]"


def test_estimators_load_their_trainer_only_when_they_fit():
    code = (
        "import sys; from glassbox import BoostedGAMClassifier, SplineGAMClassifier; "
        "BoostedGAMClassifier(); SplineGAMClassifier(); "
        "print([m for m in ('torch', 'interpret', 'pygam', 'matplotlib') if m in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == "[]"


def test_every_public_name_can_be_had():
    import glassbox

    assert all(getattr(glassbox, name) is not None for name in glassbox.__all__)
    assert not hasattr(glassbox, "nothing")
