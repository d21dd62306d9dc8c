"""Print what completes names and flags in a shell: source <(./gsg completion)."""

import sys
from importlib import import_module
from pathlib import Path

from cyclopts import App

from jobs.terminal import OK, run_app

app = App(name="gsg completion", version_flags=[])
NOT_JOBS = ("completion", "help", "lock", "test")
"""What ``./gsg`` does besides jobs that have flags."""
SCRIPT = r"""
if [ -n "${ZSH_VERSION:-}" ]; then autoload -U +X compinit bashcompinit && compinit -u && bashcompinit; fi
_gsg_complete() {
    local word=${COMP_WORDS[COMP_CWORD]} key=_gsg_words name words
    local -a given=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
    # Only a job and its command say which flags there are; they are asked for once a shell.
    given=("${given[@]:0:2}")
    for name in "${given[@]}"; do key=${key}_${name//[^a-zA-Z0-9]/_}; done
    eval "words=\${$key-}"
    if [ -z "$words" ]; then
        words=$("${COMP_WORDS[0]}" completion for "${given[@]}" 2>/dev/null)
        eval "$key=\$words"
    fi
    COMPREPLY=()
    while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen -W "$words" -- "$word")
}
complete -o default -o bashdefault -F _gsg_complete gsg ./gsg
"""


@app.default
def main() -> int:
    """Print a script for bash and zsh that completes jobs, their commands and flags; files are completed as usual.

    Examples:
        source <(./gsg completion)
    """
    print(SCRIPT.strip())
    return OK


@app.command(name="for")
def complete_for(*words: str) -> int:
    """Print what may follow: jobs, then the commands and flags of the job, then those of its command.

    Args:
        words: What was typed behind gsg, at most a job and its command; what is neither is left out.
    """
    print("\n".join(candidates(words)))
    return OK


def candidates(words: tuple[str, ...]) -> list[str]:
    """What may follow some words; flags alone where a job has no commands, nothing behind what is no job."""
    jobs = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py") if _is_job(path))
    if not words:
        return sorted({*jobs, *NOT_JOBS})
    if words[0] not in jobs:
        return []
    job: App = import_module(f"jobs.{words[0]}").app
    commands = [name for name in job if not name.startswith("-")]
    if len(words) > 1 and words[1] in commands:
        return _flags(job[words[1]])
    return [*([] if len(words) > 1 else commands), *_flags(job)]


def _flags(part: App) -> list[str]:
    if part.default_command is None:
        return ["--help"]
    found = {name for argument in part.assemble_argument_collection() for name in argument.names}
    return sorted(name for name in {*found, "--help", "--config"} if name.startswith("--"))


def _is_job(path: Path) -> bool:
    return '\nif __name__ == "__main__"' in path.read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(run_app(app))
