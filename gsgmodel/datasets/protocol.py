"""Which published videos are for training, validation and testing, and what the splits share that they should not.

The paper splits each set 7:3 and does not say by what; the authors of the sets give splits of their own, of which some
share people; and people can be kept apart. Each way says what leaks.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gsgmodel.datasets.labelled import LabelledVideo
from gsgmodel.datasets.published import PublishedVideo
from gsgmodel.datasets.splits import TEST, TRAIN, VAL, draw_splits, place_of
from gsgmodel.errors import ConfigError

Scheme = Literal["official", "paper-7-3", "id-disjoint"]
TEST_SHARE = 0.3
"""The paper's 7:3."""
VAL_SHARE = 0.1
"""Of what is not for testing: thresholds and calibration are fitted on it, and never on what is tested."""
LARGEST_SPLIT = 0.8
"""Share of a set. Where everybody's face is on everybody, as in Celeb-DF, one group of people holds nearly all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """What two splits share."""

    pair: tuple[str, str]
    """The second is the one that is judged."""
    num_people: int
    """In both, shown or as the source of a face."""
    num_clips: int
    """Clips that both hold, as themselves or as what a fake was made from."""
    num_touched: int
    """Videos of the second split that show a person or were made from a clip of the first."""
    num_videos: int
    """Of the second split."""


def split_videos(videos: Sequence[PublishedVideo], scheme: Scheme, *, seed: int) -> dict[str, str]:
    """Return a split by path; a video that no split may have is not among them.

    Args:
        videos: Of one or more data sets.
        scheme: ``official``: as the authors say, and of training videos a tenth for validation where they give none.
            ``paper-7-3``: of each method 30 % for testing, by video. ``id-disjoint``: nobody is in two splits; fakes
            of two people who are in different ones are left out.
        seed: Of what is drawn.

    Videos of which the authors give no split, where theirs is asked for, are a ``ConfigError``.
    """
    sets: dict[str, list[PublishedVideo]] = defaultdict(list)
    for video in videos:
        sets[video.dataset].append(video)
    ways = {"official": _official, "paper-7-3": _by_video, "id-disjoint": _apart}
    return {path: split for members in sets.values() for path, split in ways[scheme](members, seed=seed).items()}


def draw_subset(videos: Sequence[PublishedVideo], *, num_per_class: int, seed: int) -> list[PublishedVideo]:
    """Return as many real as fake videos, the same for a seed wherever the data set lies.

    Raises:
        ConfigError: There are fewer of a class.
    """
    chosen = []
    for label, name in enumerate(("real", "fake")):
        of_class = sorted((video for video in videos if video.label == label), key=lambda video: _place(video, seed))
        if len(of_class) < num_per_class:
            raise ConfigError(f"--subset is {num_per_class}, but there are {len(of_class)} {name} videos")
        chosen += of_class[:num_per_class]
    return chosen


def leaks(videos: Iterable[PublishedVideo], splits: Mapping[str, str]) -> list[Leak]:
    """What each pair of splits shares, the more important pair first."""
    people: dict[str, dict[str, set[str]]] = {split: defaultdict(set) for split in (TRAIN, VAL, TEST)}
    clips: dict[str, dict[str, set[str]]] = {split: defaultdict(set) for split in (TRAIN, VAL, TEST)}
    for video in videos:
        if split := splits.get(video.path):
            for name in (video.identity, video.source_identity):
                if name:
                    people[split][name].add(video.path)
            clips[split][video.original or video.path].add(video.path)
    sizes = Counter(splits.values())
    found = []
    for pair in ((TRAIN, TEST), (VAL, TEST), (TRAIN, VAL)):
        first, second = pair
        shared = [people[first].keys() & people[second].keys(), clips[first].keys() & clips[second].keys()]
        touched = set().union(
            *(people[second][name] for name in shared[0]), *(clips[second][name] for name in shared[1])
        )
        found.append(
            Leak(
                pair=pair,
                num_people=len(shared[0]),
                num_clips=len(shared[1]),
                num_touched=len(touched),
                num_videos=sizes[second],
            )
        )
    return found


def _official(videos: Sequence[PublishedVideo], *, seed: int) -> dict[str, str]:
    """As the authors of one set say.

    Raises:
        ConfigError: They say nothing of a video.
    """
    if missing := sum(not video.split for video in videos):
        raise ConfigError(
            f"--split is official, but {missing} of {len(videos)} videos of {videos[0].dataset} have none; "
            "accepted: paper-7-3 or id-disjoint"
        )
    given = {video.path: video.split for video in videos}
    return given if VAL in given.values() else given | _validation(videos, given, seed=seed)


def _by_video(videos: Sequence[PublishedVideo], *, seed: int) -> dict[str, str]:
    """A share of each method for testing, exactly."""
    methods: dict[str, list[PublishedVideo]] = defaultdict(list)
    for video in videos:
        methods[video.method].append(video)
    given = {video.path: TRAIN for video in videos}
    for members in methods.values():
        drawn = sorted(members, key=lambda video: _place(video, seed))
        given |= {video.path: TEST for video in drawn[: round(TEST_SHARE * len(members))]}
    return given | _validation(videos, given, seed=seed)


def _validation(videos: Sequence[PublishedVideo], splits: Mapping[str, str], *, seed: int) -> dict[str, str]:
    """Training videos that are for validation: a clip and what was made from it go together."""
    training = [video for video in videos if splits[video.path] == TRAIN]
    clips = {video.path: video.original or video.path for video in training}
    drawn = sorted(set(clips.values()), key=lambda clip: place_of(clip.rsplit("/", 1)[-1], seed=seed))
    chosen = set(drawn[: math.ceil(VAL_SHARE * len(drawn))])
    return {path: VAL for path, clip in clips.items() if clip in chosen}


def _apart(videos: Sequence[PublishedVideo], *, seed: int) -> dict[str, str]:
    """Nobody in two splits: by groups of people, or by person where nearly all are one group."""
    names = {video.path: "/".join(video.key) for video in videos}

    def draw(some: Iterable[PublishedVideo]) -> dict[str, str]:
        labelled = [_labelled(video, names) for video in some]
        drawn = draw_splits(labelled, val_share=VAL_SHARE * (1 - TEST_SHARE), test_share=TEST_SHARE, seed=seed)
        return {path: drawn[name] for path, name in names.items() if name in drawn}

    given = draw(videos)
    if max(Counter(given.values()).values()) <= LARGEST_SPLIT * len(videos):
        return given
    real = [video for video in videos if not video.label]
    splits = draw(real)
    of_person = {video.identity: splits[video.path] for video in real if video.identity}
    for video in videos:
        asked = {of_person.get(name) for name in (video.identity, video.source_identity) if name}
        if video.label and len(asked) == 1 and (split := asked.pop()):
            splits[video.path] = split
    return splits


def _labelled(video: PublishedVideo, names: Mapping[str, str]) -> LabelledVideo:
    """The video by a name that says nothing of where the data set lies."""
    return LabelledVideo(
        uri=names[video.path],
        label=video.label,
        method=video.method,
        identity=video.identity or None,
        source_identity=video.source_identity or None,
        split=None,
        original_uri=names.get(video.original),
        mask_uri=None,
    )


def _place(video: PublishedVideo, seed: int) -> bytes:
    return place_of("/".join(video.key), seed=seed)
