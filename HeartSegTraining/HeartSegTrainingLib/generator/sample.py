"""The embedded sample: a generated contrast CT of a chest that ships with the project and holds no patient data.

It ships with its reference labels. Both were made by the generator's first version (commit 19f3d73);
``python -m HeartSegTrainingLib.generator.sample FOLDER`` makes another such pair with today's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from .deformation import Deformation
from .sampler import Sampler, SamplerConfig
from .scenes import make_scene

SEED = 22
"""Seed of the heart and the scan; no model was trained on them."""
STEP_HU = 8
"""Values are rounded to this step: the noise of a CT is larger, and the file becomes half as large."""


def make_sample(folder: Path) -> tuple[Path, Path]:
    """Write chest_ct_generated.nii.gz and its labels; 208 x 208 x 192 mm at 1.6 mm, HU.

    Returns:
        Paths of image and label map.
    """
    import SimpleITK as sitk

    scene = make_scene(0, SEED, {})
    config = SamplerConfig(window=130, spacing=1.6, cut=0.0, thick_ct=0.0, deformation=Deformation(shift=(4, 4, 4)))
    scan = Sampler([scene], config).scan(np.random.default_rng(SEED), mode="ct_contrast", scene=0)
    values = np.clip(np.rint(scan.image.numpy() / STEP_HU) * STEP_HU, -1024, 3000).astype(np.int16)
    arrays = {"chest_ct_generated.nii.gz": values, "chest_ct_generated_labels.nii.gz": scan.labels.numpy()}
    paths = []
    for name, array in arrays.items():
        image = sitk.GetImageFromArray(np.ascontiguousarray(array[5:125]))
        image.SetSpacing((config.spacing,) * 3)
        image.SetOrigin((-config.spacing * 64.5, -config.spacing * 64.5, -config.spacing * 59.5))
        path = folder / name
        sitk.WriteImage(image, str(path), useCompression=True, compressionLevel=9)
        paths.append(path)
    return paths[0], paths[1]


if __name__ == "__main__":
    print(*make_sample(Path(sys.argv[1])), sep="\n")
