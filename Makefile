# Everything runs in .venv, made from a bare Python >= 3.11.
PYTHON ?= python3
BIN    := .venv/bin
READY  := .venv/ready

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench chaos backtest up down

help:      ## list the targets
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

install: $(READY)  ## make .venv with every dependency, hash-checked

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Remora needs Python 3.11 or newer, this is %d.%d. Try: make install PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python has no venv module. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv  # pip comes last: without it an earlier run was cut off
	@echo "installing dependencies (hash-checked), a minute or two the first time"
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv==0.13.9'
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements-dev.lock
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python -e .
	@touch $(READY)

demo: install  ## watch whale trades being copied on the exchange twin
	@$(BIN)/remora demo

JOBS ?= 2
test: install  ## run the tests, real servers included; SLOW=1 adds the long simulations, JOBS=1 takes turns
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile $(if $(SLOW),,-m "not slow")

check: install  ## format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: install  ## measure latency, history, memory; docs/performance.md keeps the numbers
	@$(BIN)/python -m bench $(BENCH)

SEED ?= 1
ROUNDS ?= 200
chaos: install  ## kill processes and inject faults by SEED for ROUNDS, then check that the books add up
	@$(BIN)/python -m chaos --seed $(SEED) --rounds $(ROUNDS) $(CHAOS)

backtest: install  ## replay a generated season and write tearsheet.html: would a careful person run this?
	@$(BIN)/remora backtest --season 1 --select --html tearsheet.html $(BACKTEST)

up: install  ## start the stack on this machine and leave it running
	@$(BIN)/remora up

down: install  ## stop the stack
	@$(BIN)/remora down
