"""The network as it learns: what its parameters' rates are, how its batch statistics are kept, how gradients meet."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from gsgmodel.model.gsg import GSGModel
from gsgmodel.training.settings import TrainSettings

HIGHEST = "highest_lr"


def learning_network(network: GSGModel, settings: TrainSettings, *, world_size: int) -> nn.Module:
    """Return the network that is trained, with the same parameters: by itself, or one that shares its gradients.

    Args:
        network: On the worker's device. With synchronised batch statistics its layers for them are exchanged.
        settings: Of the training.
        world_size: How many workers there are.
    """
    if world_size == 1:
        return network
    if settings.batch_norm == "sync":
        for name, child in network.named_children():
            setattr(network, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))  # type: ignore[no-untyped-call]
    # Taken literally, Eq. 2 gives the attention no gradient, and waiting for one would never end.
    return DistributedDataParallel(
        network, find_unused_parameters=settings.architecture.aggregation == "literal", gradient_as_bucket_view=True
    )


def make_optimiser(network: GSGModel, settings: TrainSettings) -> torch.optim.SGD:
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
