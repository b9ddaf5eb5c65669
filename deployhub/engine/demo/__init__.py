"""The demo: generated shapes, the detector trained on them, and the two datasets that go with it."""
