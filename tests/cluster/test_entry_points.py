"""Whatever a manifest has run exists, and takes the flags that it is given."""

import functools
import importlib
import shutil
from importlib.metadata import entry_points as installed

import pytest

from tests.cluster.pods import command_of, containers_of, entry_points
from tests.cluster.rendered import CLUSTER, OVERLAYS, only, render, rendered

APP = "/app/"
VALUES = only(rendered("gpu"), "ConfigMap", "gsg-values")["data"]
SCRIPTS = {each.name for each in installed(group="console_scripts")}
OF_THE_IMAGE = {"python"}
OF_POSTGRESQL = {"pg_isready"}


@functools.cache
def all_entry_points():
    return {where: words for overlay in OVERLAYS for where, words in entry_points(rendered(overlay), VALUES)}


def parse(words):
    """Have a file's own parser read its words; it does not run."""
    file = words[1].removeprefix(APP)
    assert (CLUSTER.parent / file).is_file(), f"{words[1]} is not in the image"
    module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    if file.startswith("jobs/"):
        return module.app.parse_args(words[2:], exit_on_error=False, print_error=False)
    return module.command_line().parse_args(words[2:])


def test_scans_trainings_and_heads_run_something():
    runs = {words[1] for words in all_entry_points().values()}
    ours = ("cluster/nightly", "cluster/drain", "jobs/score", "jobs/prepare", "jobs/train")
    assert runs == {f"{APP}{name}.py" for name in ours}


@pytest.mark.parametrize(("where", "words"), all_entry_points().items())
def test_an_entry_point_takes_its_words(where, words):
    assert words[0] == "python"
    assert words[1].startswith(APP), f"{where} runs what depends on a working folder"
    parse(words)


def test_a_flag_that_does_not_exist_is_found():
    with pytest.raises(Exception, match="--no-such-flag"):
        parse(["python", "/app/jobs/score.py", "s3://a", "--no-such-flag", "1"])
    with pytest.raises(SystemExit):
        parse(["python", "/app/cluster/drain.py", "--within", "1"])
    with pytest.raises(AssertionError, match="not in the image"):
        parse(["python", "/app/jobs/scan.py"])


def test_a_scan_gets_what_the_values_say():
    words = all_entry_points()["CronJob gsg-score/jobTemplate/spec/template submit submits"]
    _, bound, _ = parse(words)
    given = bound.arguments["settings"]
    assert bound.arguments["inputs"] == (VALUES["SCAN_INPUT"],)
    assert (given.output, given.model) == (VALUES["SCAN_OUTPUT"], VALUES["SCAN_MODEL"])
    assert (given.deadline, given.max_failures, given.start_timeout) == ("06:00", 0.2, "30m")
    assert words == all_entry_points()["RayJob gsg-score"]


def test_a_training_gets_what_the_values_say():
    _, bound, _ = parse(all_entry_points()["RayJob gsg-train"])
    given = bound.arguments["settings"]
    assert bound.arguments["store"] == VALUES["TRAIN_CLIPS"]
    assert (given.output, given.workers, given.device) == (VALUES["TRAIN_OUTPUT"], "1:4", "gpu")


def test_a_training_is_on_the_clips_that_were_prepared():
    _, bound, _ = parse(all_entry_points()["RayJob gsg-prepare"])
    assert bound.arguments["inputs"] == (VALUES["PREPARE_LABELS"],)
    assert bound.arguments["settings"].output == VALUES["TRAIN_CLIPS"]


def test_flags_with_blanks_and_what_a_shell_would_read_arrive_whole(tmp_path):
    copied = tmp_path / "cluster"
    shutil.copytree(CLUSTER, copied)
    file = copied / "values" / "values.env"
    lines = file.read_text().splitlines()
    changed = {"SCAN_FLAGS": "--filter 'size<2GB' --filter 'a b*' --json", "SCAN_INPUT": "s3://one s3://two"}
    lines = [f"{line.split('=')[0]}={changed.get(line.split('=')[0], line.partition('=')[2])}" for line in lines]
    file.write_text("\n".join(lines))
    (_, words), *_ = entry_points(render(copied / "overlays" / "once"), VALUES)
    _, bound, _ = parse(words)
    assert bound.arguments["inputs"] == ("s3://one", "s3://two")
    assert bound.arguments["settings"].filter == ("size<2GB", "a b*")
    assert bound.arguments["settings"].output == VALUES["SCAN_OUTPUT"]


@pytest.mark.parametrize("overlay", [name for name in OVERLAYS if name != "once"])
def test_the_first_word_of_every_command_is_in_its_image(overlay):
    for where, container in containers_of(rendered(overlay, with_mlflow=True)):
        probes = [container.get(name, {}) for name in ("readinessProbe", "livenessProbe", "startupProbe")]
        commands = [probe["exec"]["command"] for probe in probes if "exec" in probe]
        commands += [words] if (words := command_of(container, VALUES)) else []
        here = OF_POSTGRESQL if "postgresql" in where else SCRIPTS | OF_THE_IMAGE
        assert {words[0] for words in commands} <= here, where


def test_mlflow_takes_its_words():
    from mlflow import environment_variables
    from mlflow.cli import cli

    server = only(rendered("gpu", with_mlflow=True), "Deployment", "gsg-mlflow")
    container = server["spec"]["template"]["spec"]["containers"][0]
    words = command_of(container, VALUES)
    assert words[:2] == ["mlflow", "server"]
    context = cli.commands["server"].make_context("server", words[2:])
    assert context.params["artifacts_destination"] == VALUES["MLFLOW_ARTIFACTS"]
    store = next(each for each in cli.commands["server"].params if each.name == "backend_store_uri")
    assert store.envvar in {each["name"] for each in container["env"]}
    of_mlflow = {each["name"] for each in container["env"] if each["name"].startswith("MLFLOW_")}
    assert of_mlflow - {store.envvar} <= set(vars(environment_variables))
    host = VALUES["MLFLOW_TRACKING_URI"].removeprefix("http://")
    assert host in context.params["allowed_hosts"].split(",")
