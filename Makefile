.DEFAULT_GOAL := help
.PHONY: help run demo test check services bench lock

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 18

run: ## install what is missing and serve on http://127.0.0.1:8080
	@.ci/environment requirements.lock
	@exec .venv/bin/allo serve

demo: ## the same alive, with invented people who write and colleagues who answer
	@.ci/environment requirements.lock
	@exec .venv/bin/allo demo

# Compiled files are kept whatever the shell says: every worker reads each test, and some hundred processes start.
test: ## the whole test suite
	@.ci/environment requirements-dev.lock
	@exec env -u PYTHONDONTWRITEBYTECODE .venv/bin/pytest -q -n auto --maxprocesses=4 $(ARGS)

check: ## everything that must be green before a change is shared
	@exec bash .ci/run

services: ## install and start PostgreSQL and RabbitMQ from Debian's packages (as root)
	@exec bash .ci/services

bench: ## measure, as ratios against floors of the same run
	@.ci/environment requirements-dev.lock
	@exec .venv/bin/allo bench $(ARGS)

lock: ## write the locks anew from pyproject.toml (needs uv)
	@exec bash .ci/lock
