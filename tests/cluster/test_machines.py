"""Plain machines: what is started there is a command of Ray's own with flags that it takes, and has a token."""

import configparser
import copy
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
import ray
import yaml

from cluster import drain
from gsgmodel.scan.preflight import JOINT_BYTES, PREPARE_BYTES, SCORE_BYTES
from gsgmodel.scan.submitted import CLOSING_S, STOP_WAIT
from tests.cluster.rendered import CLUSTER, only, rendered
from tests.cluster.shapes import GIB

# Of Ray's own command line.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
MACHINES = CLUSTER / "machines"
UNITS = sorted(MACHINES.glob("*.service"))
AWS = yaml.safe_load((CLUSTER / "autoscaler-aws.yaml").read_text())
MEMORY_GIB = {"m7i.large": 8, "m7i.2xlarge": 32, "g6.2xlarge": 32}
"""Of EC2's instances."""
OPT = "/opt/gsg/"


def environment():
    lines = (MACHINES / "ray.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def unit(path):
    # A name may stand several times, and Ray's flags hold percent signs of systemd.
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read_string(path.read_text())
    return parser["Service"]


def flags_of_ray(words):
    """Have Ray's own parser read a command, with shell variables as they stand; it does not run."""
    from ray.scripts.scripts import cli

    name, *rest = words
    return cli.commands[name].make_context(name, list(rest)).params


def starts_of_ray(text):
    """The words behind each ``ray`` of a line of a shell."""
    for part in re.split(r"[;&|]+", text):
        words = shlex.split(part)
        if words and words[0].rsplit("/", 1)[-1] == "ray":
            yield words[1:]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_ray_with_flags_that_it_takes(path):
    (words,) = starts_of_ray(unit(path)["ExecStart"])
    given = flags_of_ray(words)
    assert given["block"]
    assert given["metrics_export_port"] == 8080
    if given["head"]:
        assert given["num_cpus"] == 0
    else:
        assert given["address"] == "${HEAD_ADDRESS}:6379"
        assert "HEAD_ADDRESS" in environment()


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_units_files_are_those_of_the_checkout_and_its_environment(path):
    root, scripts = CLUSTER.parent, {"ray", "python"}
    for name in ("ExecStart", "ExecStop"):
        for word in unit(path).get(name, "").split():
            if word.startswith(OPT + ".venv/bin/"):
                assert word.removeprefix(OPT + ".venv/bin/") in scripts
            elif word.startswith(OPT):
                assert (root / word.removeprefix(OPT)).is_file()


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_has_the_token_from_a_file_that_only_systemd_reads(path):
    text = path.read_text()
    assert "LoadCredential=ray-token:/etc/gsg/ray-token" in text
    assert "Environment=RAY_AUTH_TOKEN_PATH=%d/ray-token" in text
    assert environment()["RAY_AUTH_MODE"] == "token"
    assert unit(path)["User"] == "gsg"
    assert unit(path)["NoNewPrivileges"] == "yes"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_understands_a_unit(path, tmp_path):
    # Programs of another machine are not there.
    text = re.sub(r"/opt/gsg/\.venv/bin/\w+", "/bin/true", path.read_text())
    copied = tmp_path / path.name
    copied.write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", str(copied)], capture_output=True, text=True, check=False)
    assert (path.name in done.stderr, done.returncode) == (False, 0), done.stderr


def test_a_stop_of_the_head_has_time_to_drain():
    (head,) = (unit(path) for path in UNITS if "--head" in path.read_text())
    words = head["ExecStop"].split()
    within_s = drain.command_line().parse_args(words[2:]).within_s
    assert float(environment()[STOP_WAIT]) + CLOSING_S < within_s
    assert within_s + 30 < float(head["TimeoutStopSec"])
    assert float(environment()[STOP_WAIT]) >= 60.0 + CLOSING_S


def test_the_environment_holds_no_secret_and_is_read_by_a_shell_too():
    assert not any(re.search(r"(TOKEN|SECRET|PASSWORD|KEY)$", name) for name in environment())
    shell = f"set -a; . {MACHINES / 'ray.env'}; env -0"
    done = subprocess.run(["sh", "-c", shell], env={}, capture_output=True, text=True, check=True)
    read = dict(pair.split("=", 1) for pair in done.stdout.split("\0") if pair)
    assert environment().items() <= read.items()


def test_the_autoscalers_configuration_is_valid():
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    jsonschema.validate(AWS, schema)
    with pytest.raises(jsonschema.ValidationError, match="idle_minutes"):
        jsonschema.validate({**AWS, "idle_minutes": 3}, schema)


def test_ray_up_takes_the_configuration_and_fills_in_nothing_that_installs():
    from ray.autoscaler._private.util import prepare_config, validate_config

    filled = prepare_config(copy.deepcopy(AWS))
    validate_config(filled)
    assert filled["head_node_type"] == "head"
    assert filled["head_start_ray_commands"] == AWS["head_start_ray_commands"]
    assert not any(filled[name] for name in ("setup_commands", "head_setup_commands", "worker_setup_commands"))


@pytest.mark.parametrize("name", AWS["available_node_types"])
def test_a_node_can_be_started_as_it_is_described(name):
    """By EC2's own description of what starts an instance, which boto3 holds the call against."""
    from botocore.session import get_session
    from botocore.validate import ParamValidator

    shape = get_session().get_service_model("ec2").operation_model("RunInstances").input_shape
    node = AWS["available_node_types"][name]["node_config"]
    found = ParamValidator().validate({**node, "MinCount": 1, "MaxCount": 1}, shape)
    assert not found.has_errors(), found.generate_report()
    # A container or a video's decoder that reached the address of credentials could not use it.
    assert node["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}


def test_a_field_that_ec2_does_not_know_is_refused():
    from botocore.session import get_session
    from botocore.validate import ParamValidator

    shape = get_session().get_service_model("ec2").operation_model("RunInstances").input_shape
    found = ParamValidator().validate({"MinCount": 1, "MaxCount": 1, "InstanceTyp": "m7i.large"}, shape)
    assert "InstanceTyp" in found.generate_report()


def test_nodes_of_a_cloud_are_those_of_kubernetes():
    """The same groups with the same labels, so that the same flags place the same actors."""
    types = AWS["available_node_types"]
    groups = {each["groupName"]: each for each in only(rendered("gpu"), "RayCluster")["spec"]["workerGroupSpecs"]}
    assert types.keys() == {"head", *groups}
    for name, group in groups.items():
        assert types[name]["labels"] == group["labels"]
        assert (types[name]["min_workers"], types[name]["max_workers"]) == (group["minReplicas"], group["maxReplicas"])
        assert types[name]["resources"].get("GPU", 0) == int(name == "score")
        is_spot = types[name]["node_config"].get("InstanceMarketOptions") == {"MarketType": "spot"}
        assert is_spot is (group["labels"]["ray.io/market-type"] == "spot")
    assert types["head"]["resources"] == {"CPU": 0}
    assert "InstanceMarketOptions" not in types["head"]["node_config"]
    assert AWS["max_workers"] >= sum(each["maxReplicas"] for each in groups.values())


def test_only_the_head_may_write_results():
    profiles = {
        name: each["node_config"]["IamInstanceProfile"]["Name"] for name, each in AWS["available_node_types"].items()
    }
    assert profiles == {"head": "gsg-head", "prepare": "gsg-read", "score": "gsg-read"}


@pytest.mark.parametrize("name", ["prepare", "score"])
def test_every_core_of_a_node_has_memory_for_its_actor(name):
    """Ray gives actors what is free when it starts less the 30 % of the object store: here, of 29 GiB of 32."""
    node = AWS["available_node_types"][name]
    memory_bytes = MEMORY_GIB[node["node_config"]["InstanceType"]] * GIB * 29 / 32 * 0.7
    gpus = node["resources"].get("GPU", 0)
    each = PREPARE_BYTES if gpus else JOINT_BYTES
    assert node["resources"]["CPU"] * each + gpus * SCORE_BYTES <= memory_bytes


def test_its_commands_are_rays_and_have_the_token():
    heads = [words for line in AWS["head_start_ray_commands"] for words in starts_of_ray(line)]
    workers = [words for line in AWS["worker_start_ray_commands"] for words in starts_of_ray(line)]
    assert [words[0] for words in heads] == [words[0] for words in workers] == ["stop", "start"]
    assert flags_of_ray(heads[1])["num_cpus"] == 0
    assert flags_of_ray(heads[1])["autoscaling_config"]
    assert flags_of_ray(workers[1])["address"] == "$RAY_HEAD_IP:6379"
    for line in (AWS["head_start_ray_commands"][1], AWS["worker_start_ray_commands"][1]):
        assert line.startswith("set -a; . ~/ray.env; set +a;")
    # Where Ray looks for a token by itself.
    assert AWS["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert (CLUSTER.parent / AWS["file_mounts"]["~/ray.env"]).is_file()


def test_nothing_is_installed_when_a_machine_starts():
    for name in ("initialization_commands", "setup_commands", "head_setup_commands", "worker_setup_commands"):
        assert AWS[name] == []
    assert "docker" not in AWS


def test_a_flag_that_ray_does_not_take_is_found():
    import click

    with pytest.raises(click.exceptions.NoSuchOption):
        flags_of_ray(["start", "--num-cores=1"])
