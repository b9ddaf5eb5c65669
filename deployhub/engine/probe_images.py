"""Images on which a source and its export are compared: generated, seeded, the same on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from deployhub.engine.plugin import Images

SHAPES_PER_IMAGE = 6


def shapes_draw(*, seed: int, count: int, channels: int, height: int, width: int) -> Images:
    """Draw circles, squares and triangles on a soft background, without noise.

    Returns (count, channels, height, width), float32 in 0..1.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    return np.stack(
        [_scene(generator, channels=channels, height=height, width=width) for _ in range(count)]
    ).astype(np.float32)


def noise_draw(*, seed: int, count: int, channels: int, height: int, width: int) -> Images:
    """Uniform noise of the same shape and range: no structure that an export could hide behind."""
    import numpy as np

    return np.random.default_rng(seed).random((count, channels, height, width), dtype=np.float32)


def _scene(generator: np.random.Generator, *, channels: int, height: int, width: int) -> Images:
    import numpy as np

    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    corner, slope = generator.uniform(0.3, 0.7, channels), generator.uniform(-0.2, 0.2, (2, channels))
    scene = (
        corner[:, None, None]
        + slope[0][:, None, None] * (rows / height)
        + slope[1][:, None, None] * (columns / width)
    )
    side = min(height, width)
    for index in range(SHAPES_PER_IMAGE):
        radius = generator.uniform(0.08, 0.2) * side
        y, x = generator.uniform(radius, height - radius), generator.uniform(radius, width - radius)
        down, across = rows - y, columns - x
        match index % 3:
            case 0:
                inside = down**2 + across**2 <= radius**2
            case 1:
                inside = (abs(down) <= radius * 0.85) & (abs(across) <= radius * 0.85)
            case _:
                inside = (down >= -radius) & (down <= radius * 0.8) & (abs(across) <= (down + radius) * 0.55)
        scene = np.where(inside[None], generator.uniform(0.05, 0.95, channels)[:, None, None], scene)
    return np.clip(scene, 0, 1)
