# Every target makes .venv when it is missing. PYTHON=... chooses the interpreter.
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null \
	&& { echo $$p; break; }; done)
BIN := .venv/bin

.PHONY: demo test test-slow lint bench readme faults fuzz soak reference rules-table alignment-times \
	learning-rates kunin merging external clean

demo: .venv/installed
	$(BIN)/rule-id demo --out demo

# On all cores: tests share nothing.
test: .venv/installed
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

test-slow: .venv/baselines
	$(BIN)/python -m pytest -m slow

# Ten thousand networks through everything, under two gibibytes.
soak: .venv/installed
	RULE_ID_SOAK=10000 $(BIN)/python -m pytest -s tests/faults/test_soak.py

# Faults done to real processes, and files changed at random, as often as CI has no time for.
faults: .venv/installed
	RULE_ID_KILLS=20 RULE_ID_HOSTILE=10000 $(BIN)/python -m pytest --numprocesses auto \
		--dist worksteal --durations 0 tests/faults tests/simulation/test_engines.py

# Guided by what readers run; an optional job. `make fuzz KIND=features SECONDS=600`; see tests/hostile_kinds.py.
KIND ?= plan
SECONDS ?= 60
fuzz: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris
	$(BIN)/python tests/faults/fuzz.py $(KIND) --seconds $(SECONDS)

lint: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# One at a time: they would take the processor from each other.
BENCHMARKS := start_up features classifiers simulation workers measuring growth

bench: .venv/bench
	@for name in $(BENCHMARKS); do \
		echo "== $$name"; $(BIN)/python benchmarks/$$name.py || exit 1; done

# Runs the README's commands again and writes what they print into it.
readme: .venv/installed
	$(BIN)/python tests/readme.py

# Simulates, trains and writes what ships with the package. SCALE is the share of the reference plan's
# blocks; the simulation and the evaluation go on where they stopped, what is there already is kept.
SCALE ?= 0.5
# What was evaluated of all of it, under its five measurements.
EVALUATE ?= --model xgboost --splits 3 --protocol grouped --protocol measured

# Of the copy that ships all else is evaluated, with every classifier and baseline; what is there stays.
reference: .venv/baselines
	$(BIN)/rule-id simulate reference --scale $(SCALE) --out corpora/reference
	test -f features/reference/manifest.json || $(BIN)/rule-id compact corpora/reference \
		--measurement 0 --layers 4 --out features/reference
	$(BIN)/rule-id train corpora/reference --menu --model combined --no-tune --out models/reference
	$(BIN)/rule-id evaluate corpora/reference --out reports/reference/evaluation $(EVALUATE)
	$(BIN)/rule-id evaluate features/reference --out reports/shipped --splits 5 --baselines --add
	$(BIN)/rule-id features corpora/reference --measurement 0 --out corpora/reference-summary.parquet
	$(BIN)/rule-id report reports/reference/evaluation --out reports/reference \
		--features corpora/reference-summary.parquet --model models/reference/summary \
		--corpus corpora/reference
# The report has all of the evaluation's page and figures: that folder keeps the numbers alone. Pages hold
# their figures, which need not lie beside them as well.
	rm -rf reports/reference/evaluation/index.html reports/reference/evaluation/figures
	rm -rf reports/shipped/figures
	$(BIN)/python docs/studies/model_card.py

# Studies: parts go to corpora/, from which an interrupted command goes on.
rules-table: .venv/installed
	$(BIN)/python docs/studies/rules_table.py

alignment-times: .venv/installed
	$(BIN)/python docs/studies/alignment_times.py

learning-rates: .venv/installed
	$(BIN)/python docs/studies/learning_rates.py

kunin: .venv/installed
	$(BIN)/python docs/studies/kunin.py

merging: .venv/installed
	$(BIN)/python docs/studies/merging.py

# Trains networks with other projects' code and identifies them: make external MODEL=folder
MODEL ?= rule_id/reference/summary

external: .venv/installed
	$(BIN)/python tests/external/identify_external.py --model $(MODEL) --out corpora/external

.venv/installed: setup.cfg pyproject.toml constraints.txt tests/external/requirements.txt
	@test -n "$(PYTHON)" || { echo "make: needs Python 3.11 or 3.12 (PYTHON=...)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable ".[dev]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--requirement tests/external/requirements.txt
	@touch $@

# aeon, for the baseline and its slow test.
.venv/baselines: .venv/installed tests/external/baselines.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--requirement tests/external/baselines.txt
	@touch $@

# The packages that benchmarks compare with.
.venv/bench: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable ".[bench]"
	@touch $@

clean:
	rm -rf .venv demo build dist *.egg-info
