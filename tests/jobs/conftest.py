"""Jobs from their command line to their exit code, in a folder of their own."""

import pytest

from jobs.terminal import run_app


@pytest.fixture
def running(capfd, tmp_path, monkeypatch):
    """Given a job, what runs it: exit code, standard output and standard error, which never has a traceback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GSG_TRACKING_URI", "none")

    def runner(app):
        def run_job(*tokens):
            code = run_app(app, [str(token) for token in tokens])
            out, err = capfd.readouterr()
            assert "Traceback" not in err
            return code, out, err

        return run_job

    return runner
