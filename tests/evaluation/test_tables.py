"""Measured groups as people read them."""

import csv

from gsgmodel.evaluation.groups import measure_groups
from gsgmodel.evaluation.tables import HEADER, markdown, write_csv
from tests.evaluation.labelled_videos import scored

VIDEOS = [
    scored("a", 0, 0.1, dataset="ff++", compression="c23", frames=[0.2]),
    scored("b", 1, 0.9, dataset="ff++", compression="c23", method="FaceSwap", frames=[0.8]),
    scored("c", 1, None, dataset="ff++", compression="c23", method="Deepfakes"),
    scored("d", 1, 0.8, dataset="", compression=""),
]


def groups():
    return measure_groups(VIDEOS, threshold=0.5, seed=0)


def test_a_row_a_group_in_columns_of_equal_number_and_what_is_not_defined_is_a_dash():
    lines = markdown(groups()).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert {len(row) for row in cells} == {len(HEADER)}
    rows = {(row[0], row[1]): dict(zip(cells[0], row, strict=True)) for row in cells[2:]}
    assert set(rows) == {("-", "all"), ("ff++ c23", "all"), ("ff++ c23", "FaceSwap"), ("ff++ c23", "Deepfakes")}
    assert rows["-", "all"]["AUC"] == "-"
    assert rows["ff++ c23", "all"]["scored"] == "66.7%"
    assert rows["ff++ c23", "FaceSwap"]["AUC"] == "1.000 (1.000 to 1.000)"
    assert rows["ff++ c23", "all"]["majority"] == "0.500"


def test_the_file_has_every_figure_and_nothing_where_it_is_not_defined(tmp_path):
    write_csv(tmp_path / "out.csv", groups())
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    by_name = {(row["dataset"], row["method"]): row for row in rows}
    found = by_name["ff++", "FaceSwap"]
    assert (float(found["auc"]), float(found["auc_low"]), found["num_real"]) == (1.0, 1.0, "1")
    for name in ("tpr_at_fpr_1", "ece", "brier", "log_loss", "imputed_accuracy", "frame_auc", "accuracy_at_half"):
        assert found[name] != ""
    assert by_name["", "all"]["auc"] == ""
