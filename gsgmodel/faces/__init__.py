"""Faces: finding them in frames (MTCNN), following each through a video, cutting out the model's input."""
