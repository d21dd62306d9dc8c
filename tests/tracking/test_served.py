"""What other teams get: ``mlflow.pyfunc.load_model`` with nothing of ours installed, and the rows that a scan has."""

import json
import re
import subprocess
import sys
import sysconfig
from contextlib import suppress
from dataclasses import replace
from importlib import metadata

import pytest

from gsgmodel.model.weights import read_model
from gsgmodel.results.schema import VIDEOS
from gsgmodel.scoring.video import COLUMNS, VideoScorer
from gsgmodel.tracking.publish import REQUIRED, register_model

LOADED_ELSEWHERE = """
import importlib.metadata as metadata, json, sys
sys.path.append(sys.argv[1])
assert not [path for path in sys.path if path == ""]
try:
    import gsgmodel
except ImportError:
    pass
else:
    raise SystemExit("gsgmodel is here already")
import mlflow, pandas
mlflow.set_tracking_uri(sys.argv[2])
model = mlflow.pyfunc.load_model("models:/served@champion")
names = sys.argv[3:]
whole = model.predict(pandas.DataFrame({"uri": names, "unused": 1}))
records = model.predict([{"uri": name} for name in names], params={"faces": "largest", "max_clips": 1})
import gsgmodel
of = metadata.packages_distributions()
print(json.dumps({
    "columns": list(whole.columns),
    "rows": whole.to_dict("records"),
    "largest": records.to_dict("records"),
    "package": gsgmodel.__file__,
    "loaded": [of[name] for name in {each.partition(".")[0] for each in sys.modules} & of.keys()],
}, allow_nan=False))
"""


@pytest.fixture(scope="module")
def elsewhere(server, model, videos, tmp_path_factory):
    """What a process says that has the packages but not ours, of a model that it knows by name only."""
    register_model(model, name="served", tracking_uri=server)
    folder = tmp_path_factory.mktemp("elsewhere")
    script = folder / "script.py"
    script.write_text(LOADED_ELSEWHERE)
    # Without the site module nothing that is installed as editable is found.
    command = [sys.executable, "-S", "-I", str(script), sysconfig.get_path("purelib"), server, *videos]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "gsgmodel" not in {path.name for path in folder.iterdir()}
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def files(model):
    return replace(read_model(model), version="1")


def plain(row):
    return json.loads(json.dumps(row))


def test_its_rows_are_those_of_scoring(elsewhere, files, videos):
    scorer = VideoScorer(files)
    assert elsewhere["rows"] == [plain(scorer.score_named(name)) for name in videos]
    assert [row["status"] for row in elsewhere["rows"]] == ["scored", "scored", "unreadable", "missing"]


def test_its_columns_are_those_of_the_table(elsewhere):
    assert elsewhere["columns"] == list(COLUMNS)
    assert set(COLUMNS) <= set(VIDEOS.names)


def test_its_parameters_are_settings_of_scoring(elsewhere, files, videos):
    scorer = VideoScorer(files, faces="largest", max_clips=1)
    assert elsewhere["largest"] == [plain(scorer.score_named(name)) for name in videos]


def test_the_package_that_travels_with_it_is_the_one_that_runs(elsewhere):
    assert elsewhere["package"].endswith("/code/gsgmodel/__init__.py")


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def required(names):
    """Packages with all that they require, by normal names."""
    found, waiting = set(), [normal(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        with suppress(metadata.PackageNotFoundError):
            needs = [each for each in metadata.requires(name) or [] if "extra ==" not in each]
            waiting += [normal(re.match(r"[\w\-.]+", each)[0]) for each in needs]
    return found


def test_what_it_imports_is_what_it_requires(elsewhere):
    needed = required([*REQUIRED, "mlflow"])
    # Several packages may share a name at the top.
    unneeded = [names for names in elsewhere["loaded"] if not needed & {normal(name) for name in names}]
    # MLflow uses psutil where it is there; the rest comes with Python.
    assert {name for names in unneeded for name in names} <= {"gsgmodel", "pip", "psutil", "setuptools"}
