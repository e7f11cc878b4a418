"""Which packages and resources a wheel holds; everything else about the package is in pyproject.toml.

The two libraries live in the folders of their Slicer modules, and the resources that both need live at the top. A wheel
carries the resources inside HeartSeg3DLib, where `HeartSeg3DLib.resources` finds them.
"""

from setuptools import find_packages, setup

LIBRARIES = {"HeartSeg3DLib": "HeartSeg3D", "HeartSegTrainingLib": "HeartSegTraining"}
RESOURCES = ("Models", "Recipes", "Samples", "Terminologies")

packages = [
    package
    for library, folder in LIBRARIES.items()
    for package in find_packages(folder, include=[library, f"{library}.*"])
]
setup(
    packages=[*packages, "HeartSeg3DLib.Resources"],
    package_dir={
        **{library: f"{folder}/{library}" for library, folder in LIBRARIES.items()},
        "HeartSeg3DLib.Resources": "Resources",
    },
    package_data={"HeartSeg3DLib.Resources": [f"{folder}/**/*" for folder in RESOURCES]},
    include_package_data=False,
)
