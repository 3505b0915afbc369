# Every target does the set-up that is missing. PYTHON=... names the interpreter to build the environment with.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help fuzz kills notebooks demo test test-all check format study mutants bench bench-peers-environment bench-event-peers-environment test-triton docs clean lock ngspice chromium programs-for-tests shape screenshots

bin := .venv/bin
ready := .venv/.ready
# One thread each; `make test workers=8` on a larger machine.
workers := 2
pytest := $(bin)/python -m pytest -n $(workers) --dist loadfile --durations 10 --durations-min 5

help:
	@echo "make demo      train, export, simulate and compare a small network; writes runs/demo/report.html"
	@echo "make shape     the studio: shape a neuron in the browser"
	@echo "make test      the tests"
	@echo "make test-all  the tests with those that take long"
	@echo "make mutants   wrong changes that the tests must see; writes docs/mutants.md"
	@echo "make fuzz      wrong files and questions for every reader; writes docs/fuzz.md"
	@echo "make kills     commands broken off at random moments; writes docs/kills.md"
	@echo "make check     linter, formatter and type checker"
	@echo "make format    formats the code and applies the linter's safe fixes"
	@echo "make docs      the documentation site, in build/site; open build/site/index.html"
	@echo "make notebooks  the notebooks as .ipynb, in build/notebooks"
	@echo "make screenshots  pictures of the studio and of the notebooks as apps, in build/screenshots"
	@echo "make bench     the benchmarks; writes benchmarks/results"
	@echo "make study NAME=dqif  runs a study, or what is missing of it, and writes its page into docs; BUDGET=smoke to try it"
	@echo "make bench-event-peers-environment  codes with exact gradients that make bench compares with, in build/event-peers"
	@echo "make bench-peers-environment  the other libraries that make bench compares with, in build/peers (2 GB)"
	@echo "make test-triton  the tests of the GPU kernels, in Triton's interpreter, with Triton in build/triton (1 GB)"
	@echo "make lock      writes constraints.txt anew from pyproject.toml"
	@echo "make clean     removes the environment, caches and build outputs; leaves runs/"

# The script writes the stamp last, so that an interrupted set-up is repeated.
$(ready): pyproject.toml constraints.txt scripts/make_environment.sh scripts/install_packages.py
	@PYTHON="$(PYTHON)" sh scripts/make_environment.sh

ngspice:
	@sh scripts/install_system_package.sh ngspice

chromium:
	@sh scripts/install_system_package.sh chromium

# Without ngspice or Chromium their tests skip, except in continuous integration.
programs-for-tests:
	@sh scripts/install_system_package.sh ngspice || test "$$CI" != true
	@sh scripts/install_system_package.sh chromium || test "$$CI" != true

demo: $(ready) ngspice
	@$(bin)/excitable demo

shape: $(ready) ngspice
	@$(bin)/excitable shape

test: $(ready) programs-for-tests
	@$(pytest) -m "not slow"

test-all: $(ready) programs-for-tests
	@$(pytest)

# Takes an hour on two cores, and goes on where it was broken off. ROOMS=netlists for one list.
mutants: $(ready) ngspice
	@OMP_NUM_THREADS=1 $(bin)/python -m tests.mutants --workers $(workers) $(ROOMS)

# Wrong files and questions for every reader; `make fuzz seed=2` draws others. The table is in docs/fuzz.md.
seed := 1
fuzz: $(ready) ngspice
	@PYTHONPATH=. OMP_NUM_THREADS=1 $(bin)/python tests/fuzz/fuzz.py --seed $(seed) --table docs/fuzz.md

# Commands broken off at random moments, half by SIGTERM, half by kill -9. The table is in docs/kills.md. Takes a quarter of an hour.
kills: $(ready) ngspice
	@PYTHONPATH=. OMP_NUM_THREADS=1 $(bin)/python tests/fuzz/kills.py --seed $(seed) --table docs/kills.md

check: $(ready)
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	@$(bin)/mypy

format: $(ready)
	@$(bin)/ruff check --fix .
	@$(bin)/ruff format .

docs: $(ready)
	@NO_MKDOCS_2_WARNING=1 $(bin)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

# marimo is installed with the environment; nbformat, which only this needs, is fetched here.
notebooks: $(ready)
	@$(bin)/python -c "import nbformat" 2>/dev/null || $(bin)/python -m pip install --quiet nbformat
	@mkdir -p build/notebooks
	@for file in notebooks/*.py; do $(bin)/marimo export ipynb "$$file" -o "build/notebooks/$$(basename "$$file" .py).ipynb" --force; done

screenshots: $(ready) ngspice chromium
	@PYTHONPATH=. $(bin)/python scripts/screenshots.py

bench: $(ready) ngspice chromium
	@$(bin)/python -m benchmarks

# Without a NAME the program says which there are.
study: $(ready) ngspice
	@$(bin)/python -m studies $(NAME) $(if $(BUDGET),--budget $(BUDGET)) $(if $(RESULTS),--results "$(RESULTS)")

# In an environment of their own: together they pull in another torch.
bench-peers-environment: $(ready)
	@test -x build/peers/bin/python || $(bin)/python -m venv build/peers
	@build/peers/bin/python benchmarks/peers/environment.py

bench-event-peers-environment: $(ready)
	@test -x build/event-peers/bin/python || $(bin)/python -m venv build/event-peers
	@while read -r peer; do \
		build/event-peers/bin/python -m pip install --quiet "$$peer" || echo "$$peer is not installed; the benchmark says so."; \
	done < benchmarks/event_peer_requirements.txt

# Apart from .venv: Triton is larger than all other packages together, and only a GPU needs it.
build/triton/.ready: constraints.txt
	@$(bin)/python -m pip install --quiet --no-deps --upgrade --constraint constraints.txt --target build/triton triton
	@touch $@

test-triton: $(ready) build/triton/.ready
	@PYTHONPATH=build/triton $(bin)/python -m pytest -n $(workers) tests/conductance/test_triton.py tests/conductance/test_triton_compile.py

lock: $(ready)
	@PYTHON="$(PYTHON)" sh scripts/lock.sh

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
