# make run: install, make the corpus, train, release, serve. make test: lint, types, tests. See README.md.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
HEARTLINE := $(BIN)/heartline
CORPUS := mlruns/corpus.csv
YEAR := mlruns/year.csv

.PHONY: run test smoke browser lint lock bench soak report screenshots clean
.DELETE_ON_ERROR:

run: mlruns/champion/manifest.json
	$(HEARTLINE) serve --port $(PORT)

$(VENV)/run.stamp: requirements.lock pyproject.toml
	$(PYTHON) -c 'import ensurepip, venv' || { echo "python3 with venv is needed: apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/test.stamp: tests/requirements.lock $(VENV)/run.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.lock
	touch $@

$(CORPUS): $(VENV)/run.stamp pipelines/corpus/corpus.toml pipelines/default.toml pipelines/corpus/synthesise.py
	$(HEARTLINE) synthesise --out $@

mlruns/champion/manifest.json: $(CORPUS)
	$(HEARTLINE) train --data $(CORPUS)
	$(HEARTLINE) release
	touch $@

test: $(VENV)/test.stamp browser lint
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not benchmark"

# Every benchmark and soak, once and in small: that they run, not what they measure.
smoke: $(VENV)/test.stamp
	$(BIN)/pytest -m benchmark

# The pages are tested in Debian's Chromium. Where it is missing and cannot be installed, those tests skip and say so.
browser:
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	  && { apt-get install -y -q chromium || { apt-get update -q && apt-get install -y -q chromium; }; } >/dev/null 2>&1; } \
	  || echo "there is no Chromium and none can be installed here: the browser tests will skip"

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(HEARTLINE) rules check

lock: $(VENV)/test.stamp
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --generate-hashes --no-header --python-version 3.11 -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --quiet --extra dev -c requirements.lock --generate-hashes --no-header --python-version 3.11 -o tests/requirements.lock

bench: mlruns/champion/manifest.json $(VENV)/test.stamp
	HEARTLINE_BENCH=whole $(BIN)/pytest tests/benchmarks -q -s

soak: $(VENV)/test.stamp
	HEARTLINE_SOAK=whole $(BIN)/pytest tests/benchmarks/test_faults.py -q -s

$(YEAR): $(VENV)/run.stamp pipelines/corpus/corpus.toml pipelines/default.toml pipelines/corpus/synthesise.py
	$(HEARTLINE) synthesise --calls 100000 --seed 2027 --out $@

report: mlruns/champion/manifest.json $(YEAR)
	$(HEARTLINE) evaluate --data $(YEAR) --training $(CORPUS) --html mlruns/report.html --json mlruns/report.json

screenshots: mlruns/champion/manifest.json $(VENV)/test.stamp browser
	HEARTLINE_PICTURES=data/pictures $(BIN)/pytest tests/browser/test_other_pages.py -q

clean:
	rm -rf $(VENV) mlruns/champion mlruns/artifacts mlruns/mlflow.db $(CORPUS) $(YEAR) .pytest_cache .mypy_cache .ruff_cache
