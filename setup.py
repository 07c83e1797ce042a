"""Say what `setup.cfg` cannot: the folder datasets/ travels inside the package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["glassbox", "glassbox.*"]), "glassbox.datasets.tables"],
    package_dir={"glassbox.datasets.tables": "datasets"},
    package_data={
        "glassbox.datasets.tables": ["*.csv", "*.md"],
        "glassbox.report": ["templates/*"],
    },
)
