# Every target makes the environment it needs, from the locked versions, in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Without it each of the processes that tests start would compile dlkit again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help train test test-all torture lint format docs bench verify-configs keras-names lock wheel clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(READY): pyproject.toml .ci/constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "dlkit needs Python 3.11 to 3.13; name one with: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[dev]'
	touch $@

train: $(READY)  ## train configs/mnist_cnn.yaml
	$(BIN)/python -m dlkit train configs/mnist_cnn.yaml

test: $(READY)  ## run the tests, all but the long ones
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow'

test-all: $(READY)  ## run every test
	$(BIN)/python -m pytest -n 2 --dist loadfile

torture: $(READY)  ## kill runs at random moments and compare how they end: some minutes
	$(BIN)/python -m pytest -q tests/torture/test_saves.py
	$(BIN)/python -m tests.torture --control 10

lint: $(READY)  ## check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY)  ## format the code
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .

docs: $(READY)  ## build the documentation in site/
	$(BIN)/python docs/reference.py
	$(BIN)/mkdocs build --config-file .ci/mkdocs.yml --strict --quiet

bench: $(READY)  ## measure against training by hand: three quarters of an hour on two quiet cores
	$(BIN)/python benchmarks/throughput.py $(if $(TORCH_PYTHON),--torch-python $(TORCH_PYTHON))
	$(BIN)/python benchmarks/whole_process.py
	$(BIN)/python benchmarks/time_to_accuracy.py
	$(BIN)/python benchmarks/end_of_iterator.py

verify-configs: $(READY)  ## train every configuration and check what it expects
	$(BIN)/python configs/make_data.py
	for config in configs/*.yaml; do $(BIN)/python -m dlkit train $$config --verify || exit 1; done

keras-names: $(READY)  ## write the table of names from the installed Keras
	$(BIN)/python -m dlkit.models.keras_table > dlkit/config/keras_names.json.new
	mv dlkit/config/keras_names.json.new dlkit/config/keras_names.json

lock: $(READY)  ## resolve the locked versions again, for Python 3.11 to 3.13
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --no-emit-index-url pyproject.toml --custom-compile-command "make lock" --output-file .ci/constraints.txt

wheel: $(READY)  ## build a wheel in dist/
	$(BIN)/python -m build --wheel

clean:  ## delete what the targets made, runs excepted
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
