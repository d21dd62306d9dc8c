"""The command line's rules: what wins over what, and how what went wrong is said."""

from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from cyclopts import App
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.scan.settings import ScanSettings
from jobs import score as score_job
from jobs.terminal import bytes_text, print_head, run_app, say, shown_path, verdict_printer

REUSING = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)


@pytest.fixture
def asked(monkeypatch):
    """What the scoring job asks for, without doing it."""
    calls = []
    monkeypatch.setattr(score_job, "score_archive", lambda inputs, settings: calls.append((inputs, settings)))
    return calls


@pytest.fixture
def score(asked):
    def run(*tokens):
        asked.clear()
        assert run_app(score_job.app, tokens) == 0
        return asked[0]

    return run


@pytest.fixture
def refused(capsys):
    """Run a job that cannot be run and return its one sentence."""

    def run(*tokens, app=score_job.app, code=2):
        assert run_app(app, tokens) == code
        out, err = capsys.readouterr()
        sentence, last = err.splitlines()
        assert out == ""
        assert last == f"exit code {code}"
        return sentence

    return run


def job(work):
    app = App(name="gsg try", version_flags=[])
    app.default(work)
    return app


def test_inputs_may_be_given_by_place_and_by_name(score):
    inputs, _ = score("a.mp4", "--input", "b.mp4", "--input", "c.mp4")
    assert inputs == ("a.mp4", "b.mp4", "c.mp4")


def test_an_input_with_a_leading_dash_follows_two_dashes(score):
    inputs, _ = score("--limit", "3", "--", "-clip.mp4", "--config")
    assert inputs == ("-clip.mp4", "--config")


def test_every_setting_has_its_flag(score):
    _, found = score(
        *("a.mp4", "--output", "out", "--model", "untrained", "--limit", "5", "--filter", "*.mp4", "--filter", "x/*"),
        *("--dry-run", "--retry", "unreadable,crashed", "--faces", "largest", "--window-s", "30", "--max-clips", "8"),
        *("--deadline", "06:00", "--max-failures", "0.1", "--fail-on-flagged", "--device", "cpu"),
        *("--prepare-actors", "3", "--score-actors", "2", "--batch-clips", "6", "--commit-s", "5", "--drain-s", "9"),
        "--json",
    )
    assert found == ScanSettings(
        output="out",
        model="untrained",
        limit=5,
        filter=("*.mp4", "x/*"),
        dry_run=True,
        retry=("unreadable,crashed",),
        faces="largest",
        window_s=30.0,
        max_clips=8,
        deadline="06:00",
        max_failures=0.1,
        fail_on_flagged=True,
        device="cpu",
        prepare_actors=3,
        score_actors=2,
        batch_clips=6,
        commit_s=5.0,
        drain_s=9.0,
        json=True,
    )


@REUSING
@given(
    flag=st.none() | st.integers(1, 9),
    variable=st.none() | st.integers(11, 19),
    file=st.none() | st.integers(21, 29),
    joined=st.booleans(),
)
def test_a_flag_wins_over_a_variable_and_that_over_the_file(score, tmp_path, flag, variable, file, joined):
    config = tmp_path / "scan settings.toml"
    tokens = ["a.mp4"]
    with pytest.MonkeyPatch.context() as patch:
        if flag is not None:
            tokens += ["--limit", str(flag)]
        if variable is not None:
            patch.setenv("GSG_LIMIT", str(variable))
        if file is not None:
            config.write_text(f'limit = {file}\nmodel = "from file"\n')
            tokens += [f"--config={config}"] if joined else ["--config", str(config)]
        _, found = score(*tokens)
    assert found.limit == next((value for value in (flag, variable, file) if value is not None), None)
    assert found.model == ("models:/gsg@champion" if file is None else "from file")


def test_a_file_holds_lists_and_switches(score, tmp_path):
    config = tmp_path / "scan.toml"
    config.write_text('filter = ["*.mp4", "*.mov"]\ndry_run = true\nmax_failures = 0.5\n"window-s" = 12\n')
    _, found = score("a.mp4", "--config", str(config))
    assert (found.filter, found.dry_run, found.max_failures, found.window_s) == (("*.mp4", "*.mov"), True, 0.5, 12.0)


def test_a_variable_holds_what_a_flag_would(score, monkeypatch):
    monkeypatch.setenv("GSG_DEVICE", "cpu")
    monkeypatch.setenv("GSG_DRY_RUN", "true")
    monkeypatch.setenv("GSG_DEADLINE", "2h")
    _, found = score("a.mp4")
    assert (found.device, found.dry_run, found.deadline) == ("cpu", True, "2h")


def test_a_slip_in_a_flag_names_the_nearest_one(refused):
    sentence = refused("a.mp4", "--modle", "untrained")
    assert sentence.startswith("gsg score: ")
    assert sentence.endswith("Unknown option: --modle. Did you mean --model?")


@pytest.mark.parametrize(
    ("tokens", "named"),
    [
        (("--limit", "few"), "few"),
        (("--limit", "0"), "--limit is 0; accepted: 1 or more"),
        (("--faces", "two"), "two"),
        (("--device", "tpu"), "tpu"),
        (("--deadline", "tomorrow"), "--deadline is 'tomorrow'"),
        (("--retry", "scored"), "--retry names 'scored'"),
        (("--limit",), "--limit"),
        (("--version",), "--version"),
        (("--config",), "--config has no value"),
        (("--config", "--", "a.mp4"), "--config has no value"),
        (("--config", "nowhere.toml"), "--config is 'nowhere.toml', which is no file; accepted: a TOML file"),
        (("--config=",), "--config is '', which is no file"),
    ],
)
def test_what_cannot_be_parsed_is_one_sentence_and_exit_code_2(refused, tokens, named):
    assert named in refused("a.mp4", *tokens)


@pytest.mark.parametrize(("text", "named"), [("limits = 3\n", "limits"), ('limit = "many"\n', "many")])
def test_an_unknown_key_or_value_in_the_file_is_named(refused, tmp_path, text, named):
    config = tmp_path / "scan.toml"
    config.write_text(text)
    assert named in refused("a.mp4", "--config", str(config))


@pytest.mark.parametrize("content", [b"limit = ", b"[", b"limit = 1\nlimit = 2\n", b"\x00", b"\xff\xfe\x00"])
def test_a_file_that_is_no_toml_is_one_sentence(refused, tmp_path, content):
    config = tmp_path / "scan.toml"
    config.write_bytes(content)
    assert str(config) in refused("a.mp4", "--config", str(config))


def test_help_is_printed_and_no_error(capsys, asked):
    assert run_app(score_job.app, ["--help"]) == 0
    out, err = capsys.readouterr()
    assert "--max-failures" in out
    assert (err, asked) == ("", [])


def test_a_jobs_own_code_is_the_exit_code():
    assert run_app(job(lambda: 5), []) == 5
    assert run_app(job(lambda: None), []) == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConfigError("no\nsuch model"), 2), (OutputError("no such model"), 1), (KeyboardInterrupt(), 130)],
)
def test_what_a_user_can_mend_is_one_sentence_with_its_exit_code(refused, error, code):
    def work():
        raise error

    sentence = refused(app=job(work), code=code)
    assert sentence == f"gsg try: {'interrupted before work began' if code == 130 else 'no such model'}"


def test_a_bug_keeps_its_traceback():
    def work():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_app(job(work), [])


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("file:///a%20b/%C3%A9%23.mp4", "/a b/é#.mp4"),
        ("file:///a%0Ab%1B%5B31m.mp4", r"/a\nb\x1b[31m.mp4"),
        ("file:///a%E2%80%AE4pm.mp4", r"/a\u202e4pm.mp4"),
        ("s3://bucket/a%20b.mp4", "s3://bucket/a%20b.mp4"),
    ],
)
def test_a_path_is_shown_as_it_is_but_moves_no_cursor(uri, shown):
    assert shown_path(uri) == shown


@given(name=st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name and b"/" not in name))
def test_any_name_is_shown_on_one_line(name):
    uri = Path("/", name.decode("utf-8", "surrogateescape")).as_uri()
    assert shown_path(uri).isprintable()


def row(**changes):
    return {"uri": "file:///a.mp4", "status": "scored", "score": 0.8125, "num_faces": 1, "error_text": None} | changes


@pytest.mark.parametrize(
    ("threshold", "finished", "line"),
    [
        (None, row(), "0.8125 1 face   /a.mp4"),
        (0.8125, row(num_faces=2), "0.8125 FAKE 2 faces  /a.mp4"),
        (0.9, row(), "0.8125 real 1 face   /a.mp4"),
        (0.9, row(score=None, status="no_face"), "no_face         /a.mp4"),
        (None, row(score=None, status="denied", error_text="\x1b[2J"), "denied          /a.mp4  (\\x1b[2J)"),
    ],
)
def test_a_finished_video_is_one_line(capsys, threshold, finished, line):
    verdict_printer(threshold)(finished)
    assert capsys.readouterr().out == f"{line}\n"


def test_the_tables_head_shows_what_was_scored_whatever_it_is_called(capsys):
    finished = row(uri="file:///a/%5Bred%5D.mp4", num_clips=2, duration_s=2.5, model_version="v1")
    rows = [finished, finished | {"uri": "file:///none.mp4", "score": None, "status": "no_face", "duration_s": None}]
    print_head(SimpleNamespace(head=lambda num_rows: pa.Table.from_pylist(rows[:num_rows])), num_rows=2)
    out = capsys.readouterr().out
    assert all(text in out for text in ("[red].mp4", "0.8125", "2.5", "none.mp4", "no_face"))


def test_sentences_for_a_person_stay_apart_from_results(capsys):
    say(["one", "two"])
    assert capsys.readouterr() == ("", "one\ntwo\n")


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (10**9, "1.0 GB"), (10**12, "1.0 TB"), (5 * 10**16, "50000.0 TB")],
)
def test_bytes_read_as_a_person_says_them(size_bytes, text):
    assert bytes_text(size_bytes) == text
