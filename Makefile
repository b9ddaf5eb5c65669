# DeployHub. `make run` starts everything on this machine, `make test` proves it; `make help` lists the rest.
HOST ?= 127.0.0.1
PORT ?= 8000
# The interpreter that runs the preparation; DeployHub's own is chosen there (PYTHON=… names one).
STARTER := $(shell command -v python3 || command -v python)
ifneq ($(PYTHON),)
export DEPLOYHUB_PYTHON := $(PYTHON)
endif
VENV := $(if $(DEPLOYHUB_VENV),$(DEPLOYHUB_VENV),.venv)
BIN := $(VENV)/bin
BOOTSTRAP := "$(STARTER)" scripts/bootstrap.py
.DEFAULT_GOAL := help
.PHONY: help run tls demo test test-slow check bench bench-certificate sbom css openapi lock starter dev

help: ## This list
	@echo "DeployHub"
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk 'BEGIN {FS = ":.*?## "}; {printf "  make %-17s %s\n", $$1, $$2}'

starter:
	@test -n "$(STARTER)" || { echo "DeployHub needs Python 3.11 or newer, and none was found here: install it (on Debian or Ubuntu: apt install python3 python3-venv) and start again." >&2; exit 1; }

run: starter ## Start everything here (PORT=8000 HOST=127.0.0.1); Ctrl-C stops it
	@DEPLOYHUB_UNDER_MAKE=1 exec $(BOOTSTRAP) run --host "$(HOST)" --port "$(PORT)"

tls: starter ## Make a local authority and a certificate, for HOST=0.0.0.0 (NAME=hub.lan)
	@$(BOOTSTRAP) install web
	@exec $(BIN)/python -m deployhub.client.main tls init $(if $(NAME),--name "$(NAME)")

dev: starter
	@$(BOOTSTRAP) install dev

demo: starter ## Fill the demo project: a trained model and its data
	@$(BOOTSTRAP) install engine
	@url="$${DEPLOYHUB_HOME:-var}/run/redis_url"; \
	if [ -z "$$REDIS_URL" ] && [ -f "$$url" ]; then export REDIS_URL_FILE="$$url"; fi; \
	exec $(BIN)/python manage.py demo_load

test: dev ## Every test but the slow ones, on SQLite and on PostgreSQL
	@$(BIN)/python scripts/test_run.py

test-slow: dev ## The slow ones: crash suite, long soaks
	@$(BIN)/python scripts/test_run.py --slow

check: dev ## Style, types, floors, templates, migrations, API description
	@$(BIN)/python scripts/check_run.py

bench: dev ## Measure, and write the table of docs/performance.md
	@$(BIN)/python -m benchmarks

bench-certificate: dev ## Damage artifacts and make good ones: does a certificate tell them apart?
	@$(BIN)/python -m benchmarks.certificate

css: ## Build stylesheet and scripts again (needs Node; what they make is committed)
	@cd frontend && npm ci --no-audit --no-fund --silent && npm run --silent build

openapi: dev ## Write docs/openapi.yaml again from the code
	@DEPLOYHUB_ORIGIN=https://hub.example.org $(BIN)/python manage.py spectacular --validate --file docs/openapi.yaml

sbom: dev ## Write dist/sbom.cdx.json: what DeployHub consists of (CycloneDX)
	@$(BIN)/python scripts/sbom.py

lock: dev ## Write requirements/*.txt again from pyproject.toml
	@$(BIN)/python scripts/lock.py
