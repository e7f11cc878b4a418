"""One small scene for all tests of the generator: making one takes seconds."""

import pytest

from HeartSegTrainingLib.generator import make_scene
from HeartSegTrainingLib.generator.geometry import Grid


@pytest.fixture(scope="session")
def small_grid():
    return Grid(size=88, spacing=3.0)


@pytest.fixture(scope="session")
def scene(small_grid):
    return make_scene(0, 7, {}, small_grid)
