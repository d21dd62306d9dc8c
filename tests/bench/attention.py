"""Whether the patch that a network chooses first lies on an artefact that was planted, by aggregation and streams.

    python tests/bench/attention.py [SEEDS]

Every network learns the artefact (tests/model/test_explain.py plants it); what differs is where its local stream looks.
"""

import sys

import numpy as np
import torch

from gsgmodel.model.explain import explain_clips
from tests.model.test_explain import hits_of, learn, planted

STEPS, CLIPS = 150, 64
AGGREGATIONS = ("st_gate", "st_softmax", "gate_renorm", "soft_all")


def share_on_artefact(*, streams, aggregation, seed):
    """Share of frames of fakes whose first patch touches the artefact, and how far fakes' margins lie above reals'."""
    network = learn(steps=STEPS, seed=seed, streams=streams, aggregation=aggregation)
    crops, places, labels = planted(CLIPS, seed=1001)
    scores = explain_clips(network, crops).scores
    gap = scores.fusion_margins[labels == 1].min() - scores.fusion_margins[labels == 0].max()
    return float(np.mean([*hits_of(network.config, scores.patches, places, labels)])), float(gap)


def main():
    torch.set_num_threads(1)
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    for streams in ("both", "local"):
        for aggregation in AGGREGATIONS:
            found = [share_on_artefact(streams=streams, aggregation=aggregation, seed=seed) for seed in range(seeds)]
            shares = " ".join(f"{share:.2f}" for share, _ in found)
            print(
                f"{streams:<6} {aggregation:<12} {shares}   told apart in {sum(gap > 0 for _, gap in found)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
