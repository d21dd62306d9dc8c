"""Which videos are for training, validation and testing, so that nobody who is in one of them is in another.

Nothing is shuffled: a split follows from a hash of who is in the video, so that it stays when videos are added.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping

from gsgmodel.datasets.labelled import LabelledVideo

TRAIN, VAL, TEST = "train", "val", "test"


def draw_splits(videos: Iterable[LabelledVideo], *, val_share: float, test_share: float, seed: int) -> dict[str, str]:
    """Return a split for each video, by its uri.

    Videos belong together that share a person, be it as the one shown or as the one whose face is on them; a fake
    belongs to the video that it was made from. Splits that videos have already are kept, and those that belong to
    videos of one split go there too. Where all of a group are without one, the group goes by a hash of its first
    person (by name; else of the first video that it was made from), so that shares hold only roughly, and a group keeps
    its split when videos are added, unless they bring other people into it.

    Args:
        videos: Each with its split, or None where one is to be drawn.
        val_share: Of the groups, 0 to 1.
        test_share: Of the groups; together with ``val_share`` at most 1.
        seed: Another seed draws other splits.
    """
    videos = list(videos)
    groups = _group([_names(video) for video in videos])
    members: dict[str, list[LabelledVideo]] = defaultdict(list)
    for video in videos:
        members[groups[_names(video)[0]]].append(video)
    splits = {}
    for group in members.values():
        given = {video.split for video in group if video.split}
        drawn = given.pop() if len(given) == 1 else _draw(_anchor(group), val_share, test_share, seed=seed)
        splits.update({video.uri: video.split or drawn for video in group})
    return splits


def people_in_several(videos: Iterable[LabelledVideo], splits: Mapping[str, str]) -> list[str]:
    """Return the names of people who are in more than one split, which happens where splits are given."""
    seen: dict[str, set[str]] = defaultdict(set)
    for video in videos:
        for name in (video.identity, video.source_identity):
            if name:
                seen[name].add(splits[video.uri])
    return sorted(name for name, where in seen.items() if len(where) > 1)


def _names(video: LabelledVideo) -> list[str]:
    """What a video shares with others: itself, what it was made from, and people."""
    uris = [uri for uri in (video.uri, video.original_uri) if uri]
    people = [name for name in (video.identity, video.source_identity) if name]
    return [f"video {uri}" for uri in uris] + [f"person {name}" for name in people]


def _anchor(group: Iterable[LabelledVideo]) -> str:
    """What a group is known by: of those names that stay the same when videos are added to it, the first."""
    names = {name for video in group for name in _names(video) if name.startswith("person ")}
    return min(names or {f"video {video.original_uri or video.uri}" for video in group})


def place_of(name: str, *, seed: int) -> bytes:
    """Return eight bytes that are as good as drawn, and the same for a name and seed wherever it is asked for."""
    return hashlib.blake2b(f"{seed} {name}".encode("utf-8", "surrogateescape"), digest_size=8).digest()


def _draw(name: str, val_share: float, test_share: float, *, seed: int) -> str:
    place = int.from_bytes(place_of(name, seed=seed), "big") / 2**64
    if place < test_share:
        return TEST
    return VAL if place < test_share + val_share else TRAIN


def _group(sets: Iterable[list[str]]) -> dict[str, str]:
    """Return for each name one name of its group: names that stand in one set belong together."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        above.setdefault(name, name)
        while above[name] != name:
            above[name] = above[above[name]]
            name = above[name]
        return name

    for first, *others in sets:
        for other in others:
            above[top(other)] = top(first)
        top(first)
    return {name: top(name) for name in above}
