from gsgmodel.faces.detections import Detections


def test_a_frame_without_a_face_has_arrays_of_length_zero():
    none = Detections.none()
    assert none.boxes_px.shape == (0, 4)
    assert none.confidence.shape == (0,)
