import subprocess
import sys

import pytest

START = "import sys, gsgmodel.quick_torchvision\n"


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", START + code], capture_output=True, text=True, check=True, timeout=120
    ).stdout.strip()


@pytest.mark.parametrize("module", ["gsgmodel.faces.detector", "gsgmodel.scan.prepare", "gsgmodel.scan.score"])
def test_what_an_actor_imports_does_not_bring_the_compiler(module):
    code = f"import sys, {module}; print('torchvision' in sys.modules, 'torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["True", "False"]


def test_building_a_network_and_finding_faces_do_not_bring_it_either():
    code = (
        "import numpy as np\n"
        "from gsgmodel.faces.detector import FaceDetector\n"
        "from gsgmodel.model.numerics import for_scoring\n"
        "from gsgmodel.model.reference import build_network, resolve_model\n"
        "for_scoring(build_network(resolve_model('untrained')), 'bfloat16')\n"
        "detector = FaceDetector(long_side_px=160, min_face_px=20, thresholds=(0.6, 0.7, 0.7))\n"
        "detector.detect([np.zeros((90, 160, 3), np.uint8)])\n"
        "print('torch._dynamo' in sys.modules)"
    )
    assert run(code) == "False"


def test_the_compiler_can_be_imported_and_used_afterwards():
    code = (
        "import torch\n"
        "f = torch.compile(lambda x: x * 2 + 1, backend='eager')\n"
        "print(f(torch.ones(2)).tolist(), torch._dynamo.utils.is_compile_supported('cpu'))"
    )
    assert run(code).startswith("[3.0, 3.0] ")


def test_what_uses_regions_still_works():
    code = (
        "import torch, torchvision\n"
        "print(torchvision.ops.roi_align(torch.ones(1, 1, 8, 8), [torch.tensor([[0., 0., 4., 4.]])], 2).sum().item())\n"
        "print(torchvision.ops.nms(torch.tensor([[0., 0., 9., 9.]]), torch.ones(1), 0.5).tolist())"
    )
    assert run(code).split("\n") == ["4.0", "[0]"]


def test_where_the_compiler_is_there_already_it_is_left_alone():
    code = (
        "import sys, torch._dynamo as real, gsgmodel.quick_torchvision, torchvision\n"
        "print(sys.modules['torch._dynamo'] is real)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "True"
