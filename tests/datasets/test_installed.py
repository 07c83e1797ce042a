"""The tables travel with the package, and every folder of code does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LITTER = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*_cache")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Install from a copy of the source, because building leaves files behind."""
    folder = tmp_path_factory.mktemp("install")
    source, target = folder / "source", folder / "target"
    source.mkdir()
    for name in ("glassbox", "datasets"):
        shutil.copytree(ROOT / name, source / name, ignore=LITTER)
    for name in ("setup.cfg", "setup.py", "pyproject.toml", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--target"]
    result = subprocess.run(
        [*command, str(target), str(source)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return target


def test_loads_outside_the_repository(installed, tmp_path):
    code = (
        "import glassbox, glassbox.datasets as d; bunch = d.load_support2(); "
        "print(glassbox.__file__); print(*bunch.data.shape, len(bunch.DESCR) > 1000); "
        "print(len(d.load_nhefs().data), len(d.load_birthwt().data), "
        "len(d.make_pneumonia(10).dictionary))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    place, support2, others = result.stdout.splitlines()
    assert Path(place).is_relative_to(installed)
    assert support2 == "9105 30 True"
    assert others == "1629 189 29"


def test_every_file_of_the_package_is_installed(installed):
    # A folder without __init__.py is no package, and would stay behind.
    source = installed.parent / "source"
    files = [path for path in (source / "glassbox").rglob("*") if path.is_file()]
    names = {path.relative_to(source).as_posix() for path in files}
    assert not {name for name in names if not (installed / name).exists()}
    tables = {path.name for path in (installed / "glassbox" / "datasets" / "tables").iterdir()}
    assert {"dictionary.csv", "support2.csv", "support2.md"} <= tables
