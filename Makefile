# `make demo` and `make test` need nothing but make and Python 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PEERS := .bench/.installed

.PHONY: demo test lint format soak bench clean

demo: $(STAMP)
	$(BIN)/mailer demo

test: $(STAMP)
	$(BIN)/python -m pytest -n 4 --dist loadgroup

# Workers are killed while they send a list: make soak DB=sqlite|oracle RECIPIENTS=50000 KILLS=100 RATE=300
DB ?= sqlite
RECIPIENTS ?= 2000
KILLS ?= 8
RATE ?= 200
SEED ?= 1

soak: $(STAMP)
	@$(BIN)/python -m tests.soak --db $(DB) --recipients $(RECIPIENTS) --kills $(KILLS) --rate $(RATE) --seed $(SEED)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# An hour on a quiet machine; `make bench QUICK=1` shows in three minutes that all of it runs. ONLY="one-core idle" picks figures.
bench: $(STAMP) $(PEERS)
	$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

# What mailer is measured against. Where some of it can't be installed its goals count as missed, and all else is measured.
$(PEERS): bench/peer_programs/requirements.txt bench/peer_programs/package.json
	-test -x .bench/venv/bin/python || $(PYTHON) -m venv .bench/venv
	-.bench/venv/bin/python -m pip install --quiet --disable-pip-version-check -r bench/peer_programs/requirements.txt
	-mkdir -p .bench/node && cp bench/peer_programs/package.json .bench/node/ && cd .bench/node && npm install --no-audit --no-fund --silent
	@touch $@

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The stamp is written last, so an installation that broke off is begun anew.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "mailer needs Python 3.11 or later; $(PYTHON) is `$(PYTHON) --version 2>&1`. Name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "'$(PYTHON) -m venv' failed. On Debian and Ubuntu: apt-get install python3-venv, then make again." >&2; exit 1; }
	@echo "installing mailer into $(VENV): takes a minute"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) .bench build dist outbox demo
