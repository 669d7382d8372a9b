# `make` lists the targets. Everything that needs the environment makes it first; nothing outside this directory changes.

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.setup-done
PIP := -m pip --disable-pip-version-check

# More arguments for the tool behind a target: make test ARGS="-k guard -x", make pins ARGS=--upgrade
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint-imports bench soak fuzz run pins clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with outgate in it (done once, then again when a pin changes)

# Hashed requirements first, then the package without dependencies: pip refuses an editable install among hashed ones.
# The stamp is written last, so an interrupted setup starts again; an environment that cannot run is made anew.
$(STAMP): pyproject.toml requirements/dev.txt
	@$(PY) -c 'import pip, sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null || { \
	  python=$$(sh scripts/find-python) && echo "setup: $(VENV) from $$python" && "$$python" -m venv --clear $(VENV); }
	@echo "setup: installing the pinned requirements (some minutes the first time)"
	@$(PY) $(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@$(PY) $(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@ && echo "setup: $(VENV)/bin/outgate is ready"

demo: setup ## a sample application behind the gate, row by row, without internet
	@$(PY) demo/run.py $(ARGS)

test: setup ## the test suite
	@$(PY) -m pytest $(ARGS)

check: setup lint-imports ## lint, format and types, as CI runs them
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy --strict addons/outgate

# ruff bans the import statement (TID251); this also finds an import by name, as in import_module("mitmproxy.http").
lint-imports:
	@! grep -rnE --include='*.py' --exclude-dir=proxy --exclude=egress.py \
	  '^[[:space:]]*(from|import)[[:space:]]+mitmproxy|(import_module|__import__)\([[:space:]]*["'"'"']mitmproxy' \
	  addons || { echo "check: only outgate.proxy may import mitmproxy" >&2; exit 1; }

bench: setup ## side by side with stock mitmproxy, squid and no proxy at all
	@$(PY) bench/run.py $(ARGS)

soak: setup ## random faults under load for half an hour (ARGS="--minutes 1"), judged by a table
	@cd tests && PYTHONPATH=../addons:. ../$(PY) -m e2e.soak $(ARGS)

# The fuzzer lies beside the environment and not in it: nothing else needs it, and it has no wheels for every machine.
FUZZ := .fuzz
MINUTES ?= 60
TARGETS ?=

$(FUZZ)/.setup-done: requirements/fuzz.txt | setup
	@$(PY) $(PIP) install --quiet --upgrade --require-hashes --only-binary :all: --target $(FUZZ)/lib -r $<
	@touch $@

fuzz: setup $(FUZZ)/.setup-done ## every parser under atheris for an hour (MINUTES=5, TARGETS="host yaml")
	@PYTHONPATH=$(FUZZ)/lib:addons:tests $(PY) -m fuzz --minutes $(MINUTES) --folder $(FUZZ) $(TARGETS)

run: setup ## the gate, with the policy in ./policy
	@$(VENV)/bin/outgate run --policy policy $(ARGS)

# Resolved on the oldest supported Python, whose conditional dependencies the newer ones do without, and from the
# default index alone: a hash that only a local directory can satisfy would install nowhere else.
PINS := .venv-pins
COMPILE = env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null CUSTOM_COMPILE_COMMAND="make pins" \
  $(PINS)/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host $(ARGS)

pins: ## resolve requirements/*.txt again (ARGS=--upgrade for newer versions)
	@python=$$(sh scripts/find-python 3.12) && "$$python" -m venv --clear $(PINS)
	@$(PINS)/bin/python $(PIP) install --quiet --require-hashes -r requirements/pins.txt
	$(COMPILE) --output-file requirements/run.txt pyproject.toml
	$(COMPILE) --output-file requirements/image.txt --extra kubernetes --extra redis -c requirements/run.txt pyproject.toml
	$(COMPILE) --output-file requirements/build.txt requirements/build.in
	$(COMPILE) --output-file requirements/dev.txt --all-extras -c requirements/image.txt -c requirements/build.txt \
	  pyproject.toml requirements/build.in
	$(COMPILE) --output-file requirements/pins.txt requirements/pins.in
	$(COMPILE) --output-file requirements/fuzz.txt requirements/fuzz.in

clean: ## remove what make has made
	rm -rf $(VENV) $(PINS) $(FUZZ) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find addons bench demo tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
