"""The command that sizes clusters, from its flags to its exit code."""

import json

import pytest

from jobs.size import app

PIPELINE = {"took_s": {"a scan": [0.5]}, "facts": {"videos": 48, "cores": 2}}


@pytest.fixture
def size(running):
    return running(app)


def test_nodes_are_told_both_ways_with_what_was_not_measured(size):
    code, out, err = size("--videos", 400_000, "--hours", 8)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "400000 videos in 8 h: 13.9 videos/s",
        "a video takes 1.20 s of a core to prepare and 0.50 s for the network, at 1 clip a video, as measured on "
        "videos of 480p to 1080p and 10 to 30 s with one face (tests/bench/pipeline.py)",
        "without GPUs: 2 CPU nodes of 16 cores, 64 GiB",
        "  32 actors to prepare and score, 18.8 videos/s: done in 5 h 54 min, 188.9 core hours",
        "with GPUs: 1 CPU node of 16 cores, 64 GiB and 1 GPU node of 8 cores, 32 GiB and 1 GPU",
        "  24 actors to prepare and 1 to score, 20 videos/s: done in 5 h 33 min, 133.3 core hours",
        "GPUs are taken to keep up with the cores, none was measured: --gpu-clips-per-s counts them",
        "crops travel to the GPU nodes, up to 36.1 MB/s a scan",
        "not counted: the head, the start of nodes, and whether the store gives videos as fast",
    ]


def test_one_way_with_prices_and_the_length_of_the_videos(size):
    words = ("--videos", 100_000, "--hours", 8, "--duration-s", 60, "--resolution", "1080p", "--device", "cpu")
    code, out, _ = size(*words, "--cpu-node-price", 0.8)
    assert code == 0
    assert "for 60 s of 1080p" in out
    assert "GPU" not in out.replace("without GPUs", "")
    (told,) = [line for line in out.splitlines() if "by the prices of nodes" in line]
    code, found, _ = size(*words, "--cpu-node-price", 0.8, "--json")
    (plan,) = json.loads(found)["plans"]
    assert told.endswith(f", {plan['cost']:.2f} by the prices of nodes")
    assert plan["cost"] == pytest.approx(0.8 * plan["cpu_nodes"] * plan["hours"])
    assert "cost" not in size(*words)[1]


def test_json_is_one_line_with_the_same(size):
    code, out, err = size("--videos", 100, "--hours", 1, "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)
    found = json.loads(out)
    assert (found["videos"], found["hours"], found["video"]["prepare_s"]) == (100, 1.0, 1.2)
    assert [plan["device"] for plan in found["plans"]] == ["cpu", "gpu"]
    assert all(plan["cost"] is None and plan["hours"] <= 1 for plan in found["plans"])
    assert found["notes"][-1].startswith("not counted: the head")


def test_a_pilot_s_run_and_a_benchmark_size_it(size, tmp_path):
    (tmp_path / "summary.json").write_text(
        json.dumps({"by_status": {"scored": 500}, "clips": 500, "prepare_cpu_s": 930.0, "score_cpu_s": 465.0})
    )
    code, out, _ = size("--videos", 1000, "--hours", 1, "--measured", "summary.json", "--json")
    assert code == 0
    assert json.loads(out)["video"] == {
        "prepare_s": pytest.approx(2.0),
        "score_s": pytest.approx(1.0),
        "num_clips": 1.0,
        "source": "as summary.json has of 500 videos, whose like the others are taken to be",
    }
    (tmp_path / "pipeline.json").write_text(json.dumps(PIPELINE))
    code, out, _ = size("--videos", 1000, "--hours", 1, "--measured", "pipeline.json")
    assert code == 0
    assert "as pipeline.json has of 2 cores" in out


def test_a_run_without_a_network_sizes_scans_with_gpus_alone(size, tmp_path):
    (tmp_path / "summary.json").write_text(
        json.dumps({"by_status": {"prepared": 500}, "clips": 500, "prepare_cpu_s": 930.0, "keep_cpu_s": 3.0})
    )
    words = ("--videos", 1000, "--hours", 1, "--measured", "summary.json")
    code, out, _ = size(*words)
    assert code == 0
    assert "without GPUs" not in out
    assert "for the network" not in out
    code, out, err = size(*words, "--device", "cpu")
    assert (code, out) == (2, "")
    assert "say nothing of the network on cores; accepted: --device gpu" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--hours", 8), "videos"),
        (("--videos", 5), "hours"),
        (("--videos", 0, "--hours", 8), "--videos is 0; accepted: at least 1"),
        (("--videos", 5, "--hours", 8, "--resolution", "8k", "--duration-s", 5), "--resolution is '8k'"),
        (("--videos", 5, "--hours", 8, "--duration-s", 5), "--duration-s and --resolution together"),
        (("--videos", 5, "--hours", 8, "--measured", "none.json"), "cannot be read as JSON"),
        (("--videos", 5, "--hours", 8, "--gpus-per-node", 0), "--gpus-per-node is 0"),
        (("--videos", 5, "--hours", 8, "--device", "tpu"), "device"),
        (("--videos", 5, "--hours", 8, "--cpu-node-crores", 5), "cpu-node-cores"),
        (
            ("--videos", 10**9, "--hours", 0.01, "--cpu-node-cores", 1, "--duration-s", 1e7, "--resolution", "2160p"),
            "few",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence_and_exit_code_2(size, words, said):
    code, out, err = size(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 2


def test_help_ends_with_examples(size):
    code, out, _ = size("--help")
    assert code == 0
    assert "gsg size --videos 1000000 --hours 8" in out
    assert "--gpu-clips-per-s" in out
