"""What stands between untrusted videos and this machine: FFmpeg's known holes, and the decoder's cage."""

from collections.abc import Iterator, Sequence

from gsgmodel.doctor.findings import Finding
from gsgmodel.video.advisories import AS_OF, known_holes, release_of
from gsgmodel.video.confine import FULL
from gsgmodel.video.container import FFMPEG_VERSION
from gsgmodel.video.process import SandboxError
from gsgmodel.video.sandbox import Sandbox

NEWER = "install a PyAV whose FFmpeg is newer"
_WITHOUT = {
    "landlock": "Linux 5.13 or newer with Landlock (lsm=landlock,... on the kernel's command line)",
    "seccomp": "a kernel and a container that allow seccomp filters (the runtime's own profile may refuse them)",
    "limits": "limits on resources that this process may set",
    "process": "processes of its own",
}


def check_decoder() -> Iterator[Finding]:
    """Look at the FFmpeg that PyAV brings, and start a decoder to see what it gives up."""
    yield check_ffmpeg(FFMPEG_VERSION)
    sandbox = Sandbox()
    try:
        yield check_measures(sandbox.measures)
    except SandboxError as error:
        yield Finding(
            name="sandbox",
            verdict="failed",
            text=str(error),
            fix="let processes start processes, or trust the videos and score with --sandbox off",
        )
    finally:
        sandbox.close()


def check_ffmpeg(version: str) -> Finding:
    """Hold FFmpeg's release against known advisories.

    Args:
        version: As FFmpeg says it.

    Returns:
        Unsafe where a file can reach a hole through what may be opened here, a warning where it has others.
    """
    release = release_of(version)
    if release is None:
        return Finding(
            name="ffmpeg",
            verdict="warning",
            text=f"{version} is no release, so its holes are not known",
            fix="install PyAV as a wheel",
        )
    reachable, shut = known_holes(release)
    if reachable:
        named = "; ".join(f"{each.name} ({each.text})" for each in reachable)
        return Finding(name="ffmpeg", verdict="unsafe", text=f"{version}, open to {named}", fix=NEWER)
    if shut:
        named = ", ".join(dict.fromkeys(each.name for each in shut))
        text = f"{version} has holes that no file can reach here, because those parts are never used: {named}"
        return Finding(name="ffmpeg", verdict="warning", text=text, fix=f"{NEWER}, when there is one")
    return Finding(name="ffmpeg", verdict="ok", text=f"{version}, without advisories known in {AS_OF}")


def check_measures(measures: Sequence[str]) -> Finding:
    """Say what a decoder has given up.

    Args:
        measures: As a decoder says after its start.
    """
    missing = [name for name in FULL if name not in measures]
    achieved = "+".join(measures) or "nothing"
    if not missing:
        return Finding(name="sandbox", verdict="ok", text=f"{achieved}: no files, no network, no other processes")
    return Finding(
        name="sandbox",
        verdict="warning",
        text=f"{achieved}, without {' and '.join(missing)}: a hole in a decoder reaches further",
        fix=f"needs {' and '.join(_WITHOUT[name] for name in missing)}; --sandbox require refuses to do with less",
    )
