# Every target that needs the environment sets it up first; that costs nothing when up to date.
python := .venv/bin/python

.PHONY: help setup quickstart test test-slow lint format types lock clean

help:
	@echo "make setup       make .venv (Python 3.11) from requirements.lock"
	@echo "make quickstart  train a ball to go to a target; about 10 minutes on 2 cores"
	@echo "make test        every test that takes seconds"
	@echo "make test-slow   the tests that take minutes"
	@echo "make lint types  ruff, mypy          make format  let ruff rewrite"
	@echo "make lock        resolve requirements.lock anew (needs uv)"
	@echo "make clean       remove what the tools left behind, not .venv and runs"

setup:
	@scripts/setup.sh

quickstart: setup
	@.venv/bin/skill-train run quickstart --show

test: setup
	$(python) -m pytest -q -n logical --maxprocesses 4 --dist loadgroup

test-slow: setup
	$(python) -m pytest -q -m slow

lint: setup
	$(python) -m ruff check .
	$(python) -m ruff format --check .

format: setup
	$(python) -m ruff check --fix .
	$(python) -m ruff format .

types: setup
	$(python) -m mypy

lock:
	scripts/lock.sh

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
