# make demo         a working day in half a minute: needs Python >= 3.11 and a package index
# make test         everything that pip alone can install for
# make test-judge   half an hour: a thousand histories, deaths at every effect, planted bugs, long
#                   stories (docs/explanation/judging.md)
# make test-system  what needs Debian packages; installs them when it may
# make test-adapters  some 12 minutes: the conformance of every adapter and preset, as a whole
# make sweeps       the result and the table of docs/explanation/sweeps.md: an hour; minutes with
#                   SWEEPS="--only 1000"
# make bench        the table of docs/explanation/performance.md: some ten minutes, in which
#                   nothing else should run
# make simulate     SEED=0 HISTORIES=1000: histories on a virtual clock, judged; SEED=4711 alone
#                   plays one and says what is wrong with it; HISTORIES=100000 is a night
# make crashes      every scenario killed at every effect; CRASHES="--double" also twice
# make small-scope  DEPTH=6: every order of so many events, against the real planner
# make kills        KILLS=1000 SEED=0: kills the real process, its disk and its connections so
#                   often, and judges both sides; needs strace; half an hour on an idle machine
# make teeth        plants bugs, and asks whether the judge finds them
# make lock         resolve the locked requirements anew

# make PYTHON=python3.13 test: the same with another Python, in an environment of its own

PYTHON ?= python3
UV ?= uv
WORKERS ?= 2
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VENV ?= .venv-$(VERSION)
TEST_VENV ?= .venv-$(VERSION)-test
OLD_PYTHON = import sys; sys.exit(sys.version_info < (3, 11) and \
	"syncd needs Python 3.11 or later; try make PYTHON=python3.13 …")

.PHONY: demo test test-judge test-adapters test-system sweeps bench simulate crashes small-scope kills teeth lint lock format docs clean

$(VENV)/.installed: requirements.lock
	@$(PYTHON) -c '$(OLD_PYTHON)'
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --require-hashes -r requirements.lock
	touch $@

$(TEST_VENV)/.installed: requirements-test.lock
	@$(PYTHON) -c '$(OLD_PYTHON)'
	$(PYTHON) -m venv --clear $(TEST_VENV)
	$(TEST_VENV)/bin/python -m pip install --quiet --require-hashes -r requirements-test.lock
	touch $@

demo: $(VENV)/.installed
	$(VENV)/bin/python -m syncd demo

lint: $(TEST_VENV)/.installed
	$(TEST_VENV)/bin/ruff check .
	$(TEST_VENV)/bin/ruff format --check .
	$(TEST_VENV)/bin/mypy
	PYTHONPATH=. $(TEST_VENV)/bin/lint-imports
	$(TEST_VENV)/bin/vulture

test: lint
	$(TEST_VENV)/bin/python -m pytest -n $(WORKERS)

test-judge: $(TEST_VENV)/.installed
	$(TEST_VENV)/bin/python -m pytest -m judge -n $(WORKERS)

test-adapters: $(TEST_VENV)/.installed
	$(TEST_VENV)/bin/python -m pytest -m adapters -n $(WORKERS)

test-system: $(TEST_VENV)/.installed
	PYTHON=$(TEST_VENV)/bin/python .ci/test-system

format: $(TEST_VENV)/.installed
	$(TEST_VENV)/bin/ruff check --fix .
	$(TEST_VENV)/bin/ruff format .

docs: $(TEST_VENV)/.installed
	$(TEST_VENV)/bin/python .ci/write-docs.py

sweeps: $(TEST_VENV)/.installed
	PYTHONPATH=. $(TEST_VENV)/bin/python -m tests.sweeps --out docs/explanation/sweeps.md $(SWEEPS)

bench: $(TEST_VENV)/.installed
	PYTHONPATH=. $(TEST_VENV)/bin/python -m tests.bench --out docs/explanation/performance.md $(BENCH)

SEED ?= 0
HISTORIES ?= 1
KILLS ?= 20
DEPTH ?= 6

simulate: $(TEST_VENV)/.installed
	PYTHONPATH=. $(TEST_VENV)/bin/python -m tests.simulation --seed $(SEED) \
		--histories $(HISTORIES) --workers $(WORKERS)

crashes: $(TEST_VENV)/.installed
	PYTHONPATH=. $(TEST_VENV)/bin/python -m tests.simulation.crashes --workers $(WORKERS) $(CRASHES)

small-scope: $(TEST_VENV)/.installed
	PYTHONPATH=. $(TEST_VENV)/bin/python -m tests.simulation.small_scope --depth $(DEPTH)

kills: $(TEST_VENV)/.installed
	PYTHONPATH=. $(TEST_VENV)/bin/python -m tests.kills --kills $(KILLS) --seed $(SEED) \
		--workers $(WORKERS)

teeth: $(TEST_VENV)/.installed
	PYTHONPATH=. $(TEST_VENV)/bin/python -m tests.simulation.teeth --workers $(WORKERS) $(TEETH)

# Needs uv. The index is whatever uv is configured for; no file here names one.
lock:
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links --upgrade \
		pyproject.toml -o requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links --upgrade \
		--extra test --constraint requirements.lock pyproject.toml .ci/build-requirements.txt \
		-o requirements-test.lock

clean:
	rm -rf .venv-* $(VENV) $(TEST_VENV) .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
