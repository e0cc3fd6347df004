# make run: install, make the corpus, train, release, serve. make test: linters, types, tests. make help lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
HEARTLINE := $(BIN)/heartline
INSTALL := $(PYTHON) .ci/install.py $(BIN)
CORPUS := mlruns/corpus.csv
YEAR := mlruns/year.csv
EXTRAS := --extra serve --extra train --extra evaluate --extra scale
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --generate-hashes --no-header --python-version 3.11
FAST := not slow and not model and not benchmark

# One thread for each process: the workers share the cores, and on small problems threads cost more than they gain.
TESTED := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/pytest
unexport PYTHONDONTWRITEBYTECODE  # compiled once, not anew by every process that a test starts

.PHONY: help run check test smoke browser tools spark lint types fast diagram lock sbom audit bench soak report results screenshots clean
.DELETE_ON_ERROR:
.DEFAULT_GOAL := run

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 14

run: mlruns/champion/manifest.json ## install, train and serve on PORT (8000)
	$(HEARTLINE) serve --port $(PORT)

$(VENV)/run.stamp: requirements.lock pyproject.toml
	$(PYTHON) -c 'import ensurepip, venv' || { echo "python3 with venv is needed: apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps --editable .
	touch $@

$(VENV)/test.stamp: tests/requirements.lock $(VENV)/run.stamp
	$(INSTALL) --require-hashes -r tests/requirements.lock
	touch $@

$(CORPUS): $(VENV)/run.stamp pipelines/corpus/corpus.toml $(wildcard pipelines/corpus/scenarios/*.toml) pipelines/default.toml pipelines/corpus/synthesise.py
	$(HEARTLINE) synthesise --out $@

mlruns/champion/manifest.json: $(CORPUS)
	$(HEARTLINE) train --data $(CORPUS)
	$(HEARTLINE) release
	touch $@

check: $(VENV)/test.stamp ## linters, types and the fast tests
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint types fast

test: $(VENV)/test.stamp browser tools ## linters, types and every test but the benchmarks
	$(MAKE) --no-print-directory --jobs 3 --output-sync=target lint types spark
	$(TESTED) -n 3 --dist loadfile --no-loadscope-reorder -m "not benchmark"

fast: $(VENV)/test.stamp
	$(TESTED) -q -m "$(FAST)" --ignore tests/browser

smoke: $(VENV)/test.stamp ## every benchmark and soak once, in small: that they run, not what they measure
	$(TESTED) -n 2 --dist worksteal tests/benchmarks tests/browser/test_strip.py -m benchmark

# The pages are tested in Debian's Chromium. Where it is missing and cannot be installed, those tests skip and say so.
browser:
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	  && { apt-get install -y -q chromium || { apt-get update -q && apt-get install -y -q chromium; }; } >/dev/null 2>&1; } \
	  || echo "there is no Chromium and none can be installed here: the browser tests will skip"

# The alerts are tested by Debian's promtool and Prometheus. On a machine that systemd runs, the package would start a server:
# there it is left to whoever owns the machine.
tools:
	@command -v promtool >/dev/null || { test "$$(id -u)" = 0 && ! test -d /run/systemd/system && command -v apt-get >/dev/null \
	  && apt-get install -y -q --no-install-recommends prometheus >/dev/null 2>&1; } \
	  || echo "there is no Prometheus and none was installed: the tests of the alerts will skip"

# PySpark is 450 MB of source and needs Java, so it is installed in a folder of its own, beside the linters and types. Where
# there is no Java, or the registry fails, its test skips and says so.
spark: $(VENV)/test.stamp ## PySpark for its test, where there is Java
	@if ! command -v java >/dev/null; then echo "there is no Java: the test of Spark will skip"; \
	elif ! cmp -s tests/spark.lock $(VENV)/spark/installed.lock; then \
	  rm -rf $(VENV)/spark; \
	  UV_BUILD_CONSTRAINT=tests/spark.lock timeout 180 $(INSTALL) --no-deps --require-hashes --target $(VENV)/spark \
	    -r tests/spark.lock && cp tests/spark.lock $(VENV)/spark/installed.lock \
	  || { rm -rf $(VENV)/spark; echo "PySpark could not be installed: the test of Spark will skip"; }; \
	fi

lint: $(VENV)/test.stamp ## linters, and the checks of the rulebook and the signals
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(HEARTLINE) rules check
	$(HEARTLINE) signals check

types: $(VENV)/test.stamp ## mypy, strict
	$(BIN)/mypy

diagram: $(VENV)/test.stamp ## write the diagram of the packages into models/README.md
	$(BIN)/python tests/test_layout.py

lock: $(VENV)/test.stamp ## resolve the pinned packages; UPGRADE=--upgrade takes newer ones
	$(COMPILE) $(EXTRAS) $(UPGRADE) -o requirements.lock
	$(COMPILE) --extra dev -c requirements.lock -o tests/requirements.lock
	$(COMPILE) --extra serve -c requirements.lock -o serving/requirements.lock
	$(BIN)/uv pip compile --group spark --quiet --generate-hashes --no-header --python-version 3.11 $(UPGRADE) -o tests/spark.lock

sbom: $(VENV)/test.stamp ## the bill of materials (CycloneDX) and the licences of what make run installs, into mlruns
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --mc-type application --output-reproducible \
	  --of JSON -o mlruns/sbom.cdx.json 2>/dev/null
	$(HEARTLINE) release licences --lock requirements.lock --out mlruns/licences.csv

audit: $(VENV)/test.stamp ## known vulnerabilities of the pinned packages; says so where no database can be reached
	$(PYTHON) .ci/audit.py $(BIN)/pip-audit requirements.lock serving/requirements.lock

bench: mlruns/champion/manifest.json $(VENV)/test.stamp ## every benchmark, whole
	BENCHMARK=whole $(BIN)/pytest tests/benchmarks tests/browser/test_forty_calls.py -q -s

soak: $(VENV)/test.stamp ## hard use: kills, two writers, 200,000 requests, and HOURS (2) at the pace of a large centre
	SOAK=whole SOAK_HOURS=$(or $(HOURS),2) $(BIN)/pytest tests/benchmarks/test_faults.py -q -s

$(YEAR): $(VENV)/run.stamp pipelines/corpus/corpus.toml $(wildcard pipelines/corpus/scenarios/*.toml) pipelines/default.toml pipelines/corpus/synthesise.py
	$(HEARTLINE) synthesise --calls 100000 --seed 2027 --out $@

report: mlruns/champion/manifest.json $(YEAR) ## a year of 100,000 calls, measured: mlruns/report.html and .json
	$(HEARTLINE) evaluate --data $(YEAR) --training $(CORPUS) --html mlruns/report.html --json mlruns/report.json

results: report ## the figures of the README, from reports on a year and, where they are at hand, on real notes
	real=../shared/real/dev.csv; columns=("a synthetic year of 100,000 other calls=mlruns/report.json"); \
	if [ -f "$$real" ]; then \
	  $(HEARTLINE) evaluate --data "$$real" --about "masked notes of two police agencies" --json mlruns/real.json >/dev/null; \
	  columns+=("real police-dispatch notes=mlruns/real.json"); fi; \
	$(HEARTLINE) evaluate --data data/benchmark/notes.csv --about "2,160 invented notes of twenty-one agencies" --json mlruns/notes.json >/dev/null; \
	columns+=("2,160 invented notes of other agencies=mlruns/notes.json"); \
	$(HEARTLINE) results "$${columns[@]}" --out data/results.json --readme README.md

screenshots: mlruns/champion/manifest.json $(VENV)/test.stamp browser ## the pictures of data/pictures
	PICTURES_FOLDER=data/pictures $(BIN)/pytest tests/browser/test_pictures.py tests/browser/test_mlflow.py -q

clean: ## remove what the other targets made
	rm -rf $(VENV) mlruns/champion mlruns/artifacts mlruns/mlflow.db $(CORPUS) $(YEAR) .pytest_cache .mypy_cache .ruff_cache
