# Every task by its name; `make` alone lists them. PYTHON names another Python than python3: make run PYTHON=python3.12
PYTHON ?= python3
BIN := .venv/bin
PEER := tests/peers/oidc/node_modules/.package-lock.json
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help run test lint check facts bench faults fuzz sabotage migrate translate lock peers tools

## Use it
run: ## Serve both sites, the mailbox and the background work at http://127.0.0.1:8000/ (PORT=, HOST=)
	@$(PYTHON) run.py

migrate: ## Bring the database that the environment names up to date
	@$(PYTHON) run.py install requirements.txt
	@$(BIN)/flask --app wsgi portal migrate

## Check it
check: lint test ## What must be green before a change goes in: lint, then test

test: tools $(PEER) ## Every test, on SQLite and PostgreSQL, with real mail and a real browser
	@$(BIN)/pytest -n 2 --dist worksteal -r s

lint: tools ## Form, lint and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

peers: $(PEER) ## Install whom the tests sign in at: a certified OpenID Connect provider (needs Node.js 20 or newer with npm)

facts: tools ## Which facts of tests/facts.txt a test shows, and which none does yet
	@$(BIN)/python tests/facts.py

## Measure it (long; by hand)
bench: tools ## Side by side with named peers, each a ratio, one table of all goals (BENCH=lists,home BENCH_ON=sqlite: only these)
	@$(BIN)/python -m bench

faults: tools ## Kill and cut at full numbers, walk every way on every screen; `make test` does a few of each
	@FAULTS=full $(BIN)/pytest -s tests/faults tests/e2e

fuzz: tools ## 20,000 requests that no page would send, on each database (FUZZ=, FUZZ_SEED=)
	@FUZZ=$${FUZZ:-20000} $(BIN)/pytest -s tests/fuzz

sabotage: tools ## Take every guard of the list out, one by one: a test must turn red for each
	@$(BIN)/python -m tests.sabotage

## Keep it
translate: tools ## Collect the sentences into translations/, merge them, compile them
	@mkdir -p var
	@$(BIN)/pybabel --quiet extract -F translations/babel.cfg -k N_ -k lazy_gettext -k _l --add-location=file --sort-output -o var/messages.pot .
	@$(BIN)/pybabel --quiet update -i var/messages.pot -d translations -l lt --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	@$(BIN)/python run.py compile

lock: ## Pin the packages anew, with hashes (needs uv)
	@command -v uv >/dev/null || { echo "uv is missing: install it (pipx install uv) and run make lock again."; exit 1; }
	@$(LOCK) --upgrade requirements.in -o requirements.txt
	@$(LOCK) --upgrade -c requirements.txt requirements-dev.in -o requirements-dev.txt

help: ## This list
	@awk -F ':.*## ' '/^## /{print "\n" substr($$0, 4)} /^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

tools:
	@$(PYTHON) run.py install requirements.txt requirements-dev.txt
	@$(BIN)/python run.py compile

# Without npm, or the network, the tests that need it say so.
$(PEER): tests/peers/oidc/package-lock.json
	@if command -v npm >/dev/null; then npm ci --silent --prefix tests/peers/oidc && touch $@ || echo "npm could not install tests/peers/oidc."; fi
