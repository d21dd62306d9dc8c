"""The network as it learns: what its parameters' rates are, how its batch statistics are kept, how gradients meet."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from gsgmodel.model.network import ClipNetwork, Learned
from gsgmodel.model.objective import Objective
from gsgmodel.training.settings import TrainSettings

HIGHEST = "highest_lr"


class Learner(nn.Module):
    """A network as it learns: clips and labels in, what it says and its loss out."""

    def __init__(self, network: ClipNetwork, objective: Objective) -> None:
        super().__init__()
        self.network, self._objective = network, objective

    def forward(self, clips: Float[Tensor, "B T 3 H W"], labels: Int64[Tensor, "B"]) -> Learned:
        """Judge clips, RGB, 0 to 1, and hold what is said against the labels."""
        return self.network.learn(clips, labels, self._objective)


def learning_network(network: ClipNetwork, settings: TrainSettings, *, world_size: int) -> nn.Module:
    """Return what is trained, with the same parameters: a ``Learner``, or one that shares its gradients.

    Args:
        network: On the worker's device. With synchronised batch statistics its layers for them are exchanged.
        settings: Of the training.
        world_size: How many workers there are.
    """
    if world_size == 1:
        return Learner(network, settings.minimised)
    if settings.batch_norm == "sync":
        for name, child in network.named_children():
            setattr(network, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))  # type: ignore[no-untyped-call]
    # Waiting for the gradient of a parameter that gets none would never end.
    return DistributedDataParallel(
        Learner(network, settings.minimised),
        find_unused_parameters=network.config.has_idle_parameters,
        gradient_as_bucket_view=True,
    )


def make_optimiser(network: ClipNetwork, settings: TrainSettings) -> torch.optim.SGD:
    """Return stochastic gradient descent with momentum; the backbone has a rate of its own."""
    backbone = list(network.backbone.parameters())
    known = {id(parameter) for parameter in backbone}
    others = [parameter for parameter in network.parameters() if id(parameter) not in known]
    groups = [
        {"params": backbone, "lr": settings.backbone_lr, HIGHEST: settings.backbone_lr},
        {"params": others, "lr": settings.lr, HIGHEST: settings.lr},
    ]
    return torch.optim.SGD(groups, momentum=settings.momentum, weight_decay=settings.weight_decay)


def set_rates(optimiser: torch.optim.SGD, factor: float) -> None:
    """Set each group's rate to its highest times a factor."""
    for group in optimiser.param_groups:
        group["lr"] = group[HIGHEST] * factor


def set_modes(network: nn.Module, settings: TrainSettings) -> None:
    """Put a network into training mode, its batch statistics left as they are where they are to be frozen."""
    network.train()
    if settings.batch_norm == "frozen":
        for module in network.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
