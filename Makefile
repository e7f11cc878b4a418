# make demo       see a heart segmented
# make test       run every test
# make lint       check style, types and which room imports what
# make benchmark  measure the figures of the README
# make lists      name in HeartSeg3D/CMakeLists.txt every file that its extension for 3D Slicer holds
# make clean      remove what these made
#
# Each sets itself up in .venv, the first time in minutes, afterwards at once. To choose the Python, or a build of
# PyTorch for processors only (several GB smaller on Linux):
#   make demo PYTHON=python3.12 TORCH_INDEX=https://download.pytorch.org/whl/cpu

PYTHON ?=
TORCH_INDEX ?=
TORCH_FOR_PROCESSORS := https://download.pytorch.org/whl/cpu

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
CANDIDATES := $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python)
# Real scans are measured where they lie beside the clone, and so is a real heart that a short training never saw.
BENCHMARKS := mlstm_cell cta_speed orientations generated_hearts generator_report no_heart trust_flagging beating_phantom worker_cancel parent_transforms gui_thread click_to_surfaces mesh_surfaces mesh_tetrahedra mesh_peers mesh_independent fibers data_index training_from_slicer training_engine collapse_drill slurm_requeue pretraining_gain subvoxel_surfaces quality_levels $(if $(wildcard ../shared/data),real_scans ablations)
WITHOUT_AFIB := $(if $(wildcard ../shared/data/priors),work/without_afib_model/model.json)
SETTINGS := pyproject.toml setup.py constraints.txt

.PHONY: demo test lint benchmark lists clean

demo: $(VENV)/installed
	$(BIN)/heartseg demo -o demo --force

test: $(VENV)/installed-test
	$(BIN)/python -m pytest Testing/Python

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/mypy -p HeartSeg3DLib
	$(BIN)/python -m pytest Testing/Python/architecture

benchmark: $(VENV)/installed-benchmark $(WITHOUT_AFIB)
	for name in $(BENCHMARKS); do $(BIN)/python Testing/Benchmarks/$$name.py || exit 1; done
	$(if $(WITHOUT_AFIB),$(BIN)/python Testing/Benchmarks/generated_hearts.py --prior fourchamber_afib_labels \
	    --model $(dir $(WITHOUT_AFIB)) --cases 6 --out without_afib.json)

lists: | $(BIN)/python
	$(BIN)/python Testing/Python/packaging/module_lists.py

clean:
	rm -rf $(VENV) demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find HeartSeg3D HeartSegTraining Testing -name __pycache__ -type d -prune -exec rm -rf {} +

# Takes 10 minutes and the making of its scenes; a run that was interrupted goes on.
work/without_afib_model/model.json: | $(VENV)/installed
	mkdir -p work
	$(BIN)/heartseg train finetune HeartSegTraining/Resources/Recipes/without_afib.toml -o work/without_afib --resume
	$(BIN)/heartseg train export work/without_afib -o $(@D)

$(BIN)/python:
	@usable=; \
	for python in $(CANDIDATES); do \
	    "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || continue; \
	    usable=$$python; \
	    "$$python" -c 'import ensurepip, venv' 2>/dev/null || continue; \
	    echo "Setting up $(VENV) with $$("$$python" --version)."; \
	    exec "$$python" -m venv --clear $(VENV); \
	done; \
	if [ -n "$$usable" ]; then \
	    echo "$$usable cannot make virtual environments. On Debian or Ubuntu: sudo apt-get install python3-venv" >&2; \
	else \
	    echo "HeartSeg needs Python 3.11, 3.12 or 3.13; none of these is one: $(CANDIDATES)." >&2; \
	    echo "Install one (Debian or Ubuntu: sudo apt-get install python3 python3-venv), or name it:" >&2; \
	    echo "    make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; \
	fi; \
	exit 1

# An install that was interrupted leaves no stamp and is taken up again. Setuptools comes first so that the build, too,
# uses the version of constraints.txt; after a torch whose other needs are not there yet, pip would print an error on
# them. From another index comes torch alone; what it needs has its pinned version.
$(VENV)/installed: $(SETTINGS) | $(BIN)/python
	@$(PIP) --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip
	@if [ -z '$(TORCH_INDEX)' ] && [ "$$(uname)" = Linux ] && ! command -v nvidia-smi >/dev/null; then \
	    echo "There is no NVIDIA driver here. A PyTorch without several GB of NVIDIA packages (Ctrl-C, then):"; \
	    echo "    make $(MAKECMDGOALS) TORCH_INDEX=$(TORCH_FOR_PROCESSORS)"; \
	fi
	$(PIP) install -c constraints.txt setuptools
	$(if $(TORCH_INDEX),$(PIP) install -c constraints.txt --no-deps --index-url $(TORCH_INDEX) torch)
	$(PIP) install -c constraints.txt --no-build-isolation -e .
	@touch $@

$(VENV)/installed-%: $(VENV)/installed
	$(PIP) install --quiet -c constraints.txt --no-build-isolation -e '.[$*]'
	@touch $@
