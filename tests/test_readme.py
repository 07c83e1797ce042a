"""The code of the README runs as it stands there."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert code
    names = {}
    for block in code:
        exec(compile(block, str(README), "exec"), names)
    assert (tmp_path / "model.json").exists()


def test_pictures_and_links_exist():
    text = README.read_text()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if not target.startswith("http"):
            assert (README.parent / target).exists(), target
