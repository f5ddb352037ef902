# make demo         a working day in half a minute: needs Python >= 3.11 and a package index
# make test         everything that pip alone can install for
# make test-system  what needs Debian packages; installs them when it may
# make lock         resolve the locked requirements anew

PYTHON ?= python3
VENV ?= .venv
TEST_VENV ?= .venv-test
WORKERS ?= 2

.PHONY: demo test test-system lint lock format docs clean

$(VENV)/.installed: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "syncd needs Python 3.11 or later; make PYTHON=python3.13 …")'
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --require-hashes -r requirements.lock
	touch $@

$(TEST_VENV)/.installed: requirements-test.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "syncd needs Python 3.11 or later; make PYTHON=python3.13 …")'
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

test: lint
	$(TEST_VENV)/bin/python -m pytest -n $(WORKERS)

test-system: $(TEST_VENV)/.installed
	PYTHON=$(TEST_VENV)/bin/python .ci/test-system

format: $(TEST_VENV)/.installed
	$(TEST_VENV)/bin/ruff check --fix .
	$(TEST_VENV)/bin/ruff format .

docs: $(TEST_VENV)/.installed
	$(TEST_VENV)/bin/python .ci/write-docs.py

# The index is whatever pip and uv are configured for; no file here names one.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links --upgrade \
		pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links --upgrade \
		--extra test --constraint requirements.lock pyproject.toml .ci/build-requirements.txt \
		-o requirements-test.lock

clean:
	rm -rf $(VENV) $(TEST_VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
