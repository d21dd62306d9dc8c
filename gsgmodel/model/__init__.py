"""The network that judges: GSG (Zhao et al., ICASSP 2022), its loss, its weights on disk, its verdict on a clip."""
