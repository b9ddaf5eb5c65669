"""Datasets inside the engine: how a zip in YOLO layout is read, checked, measured and shown."""
