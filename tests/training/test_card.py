from gsgmodel.training.card import card_text

CARD = {
    "model": "MesoNet",
    "fidelity": "approximate: it differs.",
    "training": "run R",
    "trained_at": "2026-11-25T06:00:00+00:00",
    "data": {
        "digest": "d" * 64,
        "clips": {"train": 10, "val": 4, "test": 4},
        "videos": {"train": 9, "val": 4, "test": 4},
        "forgeries": ["swap", "warp"],
    },
    "settings": {"epochs": 3, "epoch_kept": 2},
    "metrics": {"val": {"auc": 0.9, "eer": None}, "test": {"auc": 0.123456, "eer": float("nan")}},
    "auc_interval": [0.1, 0.2],
    "probes": {"codec": 0.5, "colour": None},
    "limits": ["It knows nothing."],
}


def test_a_card_says_results_limits_and_data_in_words():
    text = card_text(CARD)
    assert text.startswith("# MesoNet model\n\nIts network and training are approximate: it differs.\n")
    assert "AUC 0.1235 (95 % interval 0.1 to 0.2, videos of one person drawn together), 4 videos." in text
    assert "- It knows nothing." in text
    assert "- train: 9 videos, 10 clips" in text
    assert "- forgeries: swap, warp" in text
    assert "| metric | val | test |\n|---|---|---|\n| auc | 0.9 | 0.1235 |\n| eer | - | - |" in text
    assert "as AUC: codec 0.5, colour -." in text
    assert text.index("## Limits") < text.index("## Data")
