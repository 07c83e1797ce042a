"""The command line, from a file to a folder, and every way in which it can be misused."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import glassbox
from glassbox.cli import main
from glassbox.report import _build, _figures

HOSTILE = "<script>alert(1)</script>"


def hostile_table(n=120):
    """A small table whose names and values would break a careless page."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n).astype(float),
            HOSTILE: rng.normal(size=n),
            "a\"b'c": rng.choice(["<b>x</b>", "$y_1$", "{{7*7}}"], n),
        }
    )
    frame.loc[::9, "age"] = np.nan
    score = (frame["age"].fillna(50) - 55) / 15 + frame[HOSTILE]
    frame["died"] = (rng.random(n) < 1 / (1 + np.exp(-score))).astype(int)
    frame["grade"] = np.where(score > 1, "bad", np.where(score > -1, "mid", "good"))
    frame["los"] = score + rng.normal(size=n)
    return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    hostile_table().to_csv(folder / "table.csv", index=False)
    dictionary = {"column": ["age", "died"], "label": ["Age <i>", "Death & co"], "unit": ["y", ""]}
    pd.DataFrame(dictionary).to_csv(folder / "dictionary.csv", index=False)
    return folder


def run(folder, out, *options, dpi=50):
    command = ["report", str(folder / "table.csv"), "--folds", "2", "--out", str(folder / out)]
    with pytest.MonkeyPatch.context() as patch:
        # Half of the time goes into pixels.
        patch.setattr(_figures, "_PRINT_DPI", dpi)
        assert main([*command, *options]) == 0
    return (folder / out / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def binary_page(folder):
    return run(
        folder, "binary", "--target", "died", "--drop", "grade", "los", "--dictionary",
        str(folder / "dictionary.csv"), "--sensitive", 'a"b\'c', "--monotonic", "age=+1",
        "--interactions", "1", dpi=300,
    )  # fmt: skip


class Reader(HTMLParser):
    """Collects the tags, ids, links and texts of a page, and checks that tags are closed."""

    VOID = {"meta", "img", "br"}

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.open = [], [], []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag):
        return [attributes for name, attributes in self.attributes if name == tag]


def test_the_page_is_whole_and_fetches_nothing(binary_page):
    reader = Reader(binary_page)
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?\s*(?:https?:|//|file:)", binary_page, re.I)
    assert "@import" not in binary_page
    assert not re.search(r"url\(", binary_page)
    assert not {"script", "link", "iframe", "object"} & set(reader.tags)
    assert reader.all("html") == [{"lang": "en"}]
    targets = {a["href"][1:] for a in reader.all("a")}
    ids = [a["id"] for _, a in reader.attributes if "id" in a]
    assert targets <= set(ids)
    assert len(ids) == len(set(ids))
    assert {"performance", "calibration", "pairs", "cases", "groups", "directions"} <= targets


def test_pictures_have_alternative_texts_and_tables_captions(binary_page):
    reader = Reader(binary_page)
    images = reader.all("img")
    of_audit = 1 + 2 + 1 + 1
    assert len(images) == 1 + 1 + 3 + 1 + 5 + of_audit
    assert all(len(image["alt"]) > 20 for image in images)
    assert all(image["src"].startswith("data:image/") for image in images)
    assert reader.tags.count("caption") == reader.tags.count("table")


def test_names_and_values_are_escaped(binary_page):
    assert HOSTILE not in binary_page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in binary_page
    assert "<b>x</b>" not in binary_page
    assert "<i>" not in binary_page
    assert "{{7*7}}" in binary_page
    assert "Death &amp; co" in binary_page


def test_the_model_loads_and_predicts_as_on_the_page(folder, binary_page):
    model = glassbox.load(folder / "binary" / "model.json")
    frame = hostile_table()
    found = re.findall(r'data-row="(\d+)" data-prediction="([^"]+)">([\d.]+) %<', binary_page)
    assert len(found) == 5
    read_again = pd.read_csv(folder / "table.csv")
    for row, exact, shown in found:
        X = read_again[model.schema_.names].iloc[[int(row) - 1]]
        risk = model.predict_proba(X)[0, 1]
        assert risk == float(exact)
        assert f"{100 * risk:.1f}" == shown
    assert set(model.schema_.names) == set(frame.columns[:3])


def test_figures_for_print(folder, binary_page):
    from matplotlib.image import imread

    names = {path.name for path in (folder / "binary" / "figures").iterdir()}
    assert {"calibration.png", "importances.png", "shape_age.png"} <= names
    assert len(names) == 11
    assert imread(folder / "binary" / "figures" / "shape_age.png").shape[1] > 1_000


def test_the_certificate_is_on_the_page(binary_page):
    section = binary_page.split('id="directions"')[1].split("</section>")[0]
    assert re.search(r"Age &lt;i&gt; \(y\)</th><td>rises</td><td><strong>yes</strong>", section)


def test_the_same_command_gives_the_same_report(folder):
    options = ["--target", "died", "--drop", "grade", "los", HOSTILE]
    table = (folder / "table.csv").read_bytes()
    out = folder / "again"
    run(folder, "again", *options)
    first = {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    run(folder, "again", *options, "--force")
    second = {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert first.keys() == second.keys()
    for path in first:
        if path.name != "report.html":
            assert first[path] == second[path], path
    page, page_again = (x[next(p for p in x if p.name == "report.html")] for x in (first, second))
    assert page.replace(b" --force", b"") == page_again.replace(b" --force", b"")
    assert (folder / "table.csv").read_bytes() == table


def test_several_classes(folder):
    page = run(folder, "classes", "--target", "grade", "--drop", "los", "died", HOSTILE,
               "--sensitive", "age", "--interactions", "1")  # fmt: skip
    Reader(page)
    for name in ("bad", "good", "mid"):
        assert f"AUC, {name} against the rest" in page
    assert len(re.findall(r"ICI</th>", page)) == 3
    assert glassbox.load(folder / "classes" / "model.json").classes_.tolist() == [
        "bad",
        "good",
        "mid",
    ]


def test_amounts_with_splines(folder):
    page = run(folder, "amounts", "--target", "los", "--drop", "grade", "died", "--model",
               "spline", "--sensitive", "age")  # fmt: skip
    Reader(page)
    assert "R²" in page
    assert "read as amounts" in page
    assert ">AUC" not in page
    assert type(glassbox.load(folder / "amounts" / "model.json")).__name__ == "SplineGAMRegressor"


def bad(tmp_path, capsys, *arguments):
    """Run a command that must fail; return the one line that it says."""
    before = sorted(tmp_path.rglob("*"))
    try:
        code = main(list(map(str, arguments)))
    except SystemExit as exit_:
        code = exit_.code
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err
    assert sorted(tmp_path.rglob("*")) == before
    return said.err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["none.csv", "--target", "died"], "no file"),
        (["table.csv", "--target", "dead"], "did you mean 'died'"),
        (["table.csv"], "--target"),
        (["table.csv", "--target", "died", "--sensitive", "sex"], "'sex'"),
        (["table.csv", "--target", "died", "--dictionary", "none.csv"], "none.csv"),
        (["table.csv", "--target", "died", "--dictionary", "table.csv"], "'column'"),
        (["table.csv", "--target", "died", "--monotonic", "age"], "age=+1"),
        (["table.csv", "--target", "died", "--monotonic", "age=2"], "age=+1"),
        (["table.csv", "--target", "died", "--folds", "1"], "at least 2"),
        (["table.csv", "--target", "died", "--seed", "-1"], "--seed"),
        (["table.csv", "--target", "died", "--seed", "99999999999"], "--seed"),
        (["table.csv", "--target", "died", "--model", "forest"], "forest"),
        (["ragged.csv", "--target", "a"], "line 3"),
        (["empty.csv", "--target", "a"], "empty"),
        (["missing.csv", "--target", "y"], "All cells"),
        (["missing.csv", "--target", "x"], "missing in every row"),
        (["one.csv", "--target", "y"], "one class only"),
        (["many.csv", "--target", "y"], "'x' has 5,000 categories"),
    ],
)
def test_bad_input(tmp_path, capsys, monkeypatch, arguments, reason):
    hostile_table().to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n3\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "missing.csv").write_text("x,y\n" + ",1\n,0\n" * 20)
    (tmp_path / "one.csv").write_text("x,y\n" + "1,yes\n2,yes\n" * 20)
    many = "\n".join(f"p{i},{i % 2}" for i in range(5_000))
    (tmp_path / "many.csv").write_text(f"x,y\n{many}\n")
    monkeypatch.chdir(tmp_path)
    assert reason in bad(tmp_path, capsys, "report", *arguments, "--out", "out")


def test_bad_out(tmp_path, capsys, monkeypatch):
    hostile_table().to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    monkeypatch.chdir(tmp_path)
    command = ["report", "table.csv", "--target", "died", "--out"]
    assert "is not empty" in bad(tmp_path, capsys, *command, "full")
    assert "'thesis.txt'" in bad(tmp_path, capsys, *command, "full", "--force")
    assert "is a file" in bad(tmp_path, capsys, *command, "table.csv")
    assert "make it first" in bad(tmp_path, capsys, *command, "no/such")
    assert "--out" in bad(tmp_path, capsys, *command[:-1])


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing_behind_and_is_not_hidden(tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    hostile_table().to_csv(tmp_path / "table.csv", index=False)
    monkeypatch.setattr(_build, "out_of_fold", fail)
    command = ["report", str(tmp_path / "table.csv"), "--target", "died", "--out",
               str(tmp_path / "out")]  # fmt: skip
    if isinstance(error, RuntimeError):
        with pytest.raises(RuntimeError, match="a bug"):
            main(command)
    else:
        assert main(command) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_version():
    command = [sys.executable, "-c", "import glassbox.cli, sys; sys.exit(glassbox.cli.main())"]
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"glassbox {glassbox.__version__}\n"


def test_the_demo_asks_for_the_bundled_table(tmp_path, monkeypatch, capsys):
    asked = {}

    def remember(frame, out, request, source, **options):
        asked.update(frame=frame, request=request, source=source, **options)
        return []

    monkeypatch.setattr("glassbox.cli.write_report", remember)
    assert main(["demo", "--out", str(tmp_path / "demo")]) == 0
    assert asked["frame"].shape == (9_105, 31)
    assert asked["request"].target == "hospdead"
    assert asked["request"].sensitive == ("sex", "race")
    assert asked["dictionary"].title("age") == "Age (years)"
    assert len(asked["source"].sha256) == 64
    assert "report.html" in capsys.readouterr().out


def test_settings_on_the_page_are_complete(folder, binary_page):
    text = re.search(r"<pre><code>(\{.*?\})</code>", binary_page, re.S)[1].replace("&#34;", '"')
    parameters = json.loads(text)
    assert parameters["random_state"] == 0
    assert parameters["monotonic_cst"] == {"age": 1}
    assert "--interactions 1" in binary_page
    assert glassbox.__version__ in binary_page
