# Two commands from a bare checkout: `make demo` and `make test`. `make help` lists the rest.

WORKERS ?= 2
python := .venv/bin/python

# What a shell has set for another Python must not reach this one, nor that modules are compiled anew at
# every start: that is a third of the time in which the server is ready, and the tests start it often.
unexport PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
# Every target works on the same .venv, so `make -j` takes them one after the other.
.NOTPARALLEL:
.PHONY: demo test check fmt serve bench chaos lock clean help

demo: ## Set up, then run an eval on a small real model: no key, no account
	@sh scripts/setup.sh demo
	@$(python) -m demo.demo $(ARGS)

test: ## Set up, then run every test, also with the older openai SDKs
	@sh scripts/setup.sh dev
	@sh scripts/sdks.sh
	@sh scripts/registry.sh
	@sh scripts/test.sh $(WORKERS)

check: ## Format, lint, types, and imports that go down only
	@sh scripts/setup.sh dev
	$(python) -m ruff format --check .
	$(python) -m ruff check .
	$(python) -m mypy --strict src tests demo benchmarks chaos
	.venv/bin/lint-imports --no-logo

fmt: ## Put the code into its format and mend what ruff can mend
	@sh scripts/setup.sh dev
	$(python) -m ruff check --fix .
	$(python) -m ruff format .

serve: ## Run the server; options in ARGS, as in make serve ARGS="--port 9000"
	@sh scripts/setup.sh demo
	@.venv/bin/evald serve $(ARGS)

bench: ## Run the benchmarks: throughput, then cancel
	@sh scripts/setup.sh dev
	$(python) -m benchmarks.throughput
	$(python) -m benchmarks.cancel

chaos: ## Kill, pause and cut off evald at random; options in ARGS, as in ARGS="--kills 20"
	@sh scripts/setup.sh dev
	@$(python) -m chaos $(ARGS)

lock: ## Write requirements/*.txt anew; newest versions with ARGS=--upgrade
	@sh scripts/lock.sh $(ARGS)

clean: ## Remove what these commands have made, the data of the demo too
	rm -rf .venv .sdks .registry tests/node/node_modules .demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests demo benchmarks chaos -type d -name __pycache__ -prune -exec rm -rf {} +

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s  %s\n", $$1, $$2 }' Makefile
