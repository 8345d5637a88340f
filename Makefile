# One place for every step: CI and people run these same targets.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
TOOLS := advice agent collector isps reach dashboards packaging scripts tests benchmarks

RUNS_WITH := prometheus prometheus-alertmanager libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core
BY_FILE := --dist loadfile --no-loadscope-reorder

# Thousands of short programs run in the tests: each would compile all that it imports once more.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test chosen most packages lint bench demo bundle chaos drill lock

help: ## Show the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(STAMP) ## Virtual environment in .venv, and the Debian packages that are missing
	@scripts/need $(RUNS_WITH)

$(STAMP): pyproject.toml requirements.lock scripts/need scripts/hatch_catalogues.py $(wildcard */haidang_*/locale/*/LC_MESSAGES/*.po)
	@scripts/need python3-venv
	@test -x $(BIN)/python || { echo "Making the virtual environment .venv"; $(PYTHON) -m venv .venv; }
	@echo "Installing the locked Python packages into .venv"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

run: setup ## Measure this machine and this network, and show it (Ctrl-C stops)
	@$(BIN)/haidang up --data .data $(ARGS)

# Debian's packages come while the virtual environment is made, and the code is read beside the first tests.
# Files go in the order of tests/conftest.py, the long ones first.
# Tests in a browser have a process of their own: Playwright leaves an event loop running in it.
test: ## Everything CI checks
	@scripts/need python3-venv
	@$(MAKE) --no-print-directory --jobs 2 packages $(STAMP)
	@$(MAKE) --no-print-directory --jobs 2 lint $(if $(ARGS),chosen,most)
	@$(if $(ARGS),,\
		$(BIN)/pytest -n 2 $(BY_FILE) tests/browser && \
		$(BIN)/pytest -n 6 $(BY_FILE) tests/e2e tests/lab)

chosen: $(STAMP)
	@$(BIN)/pytest $(ARGS)

most: $(STAMP)
	@$(BIN)/pytest -n 4 $(BY_FILE) --ignore tests/lab --ignore tests/e2e --ignore tests/browser

packages:
	@scripts/need $(RUNS_WITH) nftables iproute2 iputils-ping dnsmasq-base prometheus-node-exporter snmpd cups-daemon poppler-utils nginx-light keepalived udhcpc systemd chromium shellcheck openssl curl postgresql victoria-metrics busybox

lint: $(STAMP) ## Style, types, import contracts
	@$(BIN)/ruff check $(wildcard $(TOOLS))
	@$(BIN)/ruff format --check --quiet $(wildcard $(TOOLS))
	@$(BIN)/mypy $(wildcard advice agent collector isps reach dashboards scripts benchmarks tests/lab)
	@$(BIN)/lint-imports --no-logo

bench: setup ## Speed and size beside the peers (Debian packages), ratios in one run
	@scripts/need prometheus-node-exporter prometheus-blackbox-exporter prometheus-smokeping-prober victoria-metrics iproute2 fping arp-scan \
		snmpd prometheus-snmp-exporter nginx-light
	@$(BIN)/python -m benchmarks $(ARGS)

demo: setup ## A virtual school on this machine (root): cut a fibre and watch
	@scripts/need nftables iproute2 iputils-ping
	@$(BIN)/python scripts/demo.py $(ARGS)

chaos: setup ## Kill agents, relay, collector and store, cut the power; nothing may be lost or doubled
	@$(BIN)/python -m benchmarks chaos

bundle: setup ## Offline bundle (TARGET=linux-x86_64|linux-aarch64|windows-amd64, ARGS="--key signing.key")
	@$(BIN)/pip install --quiet uv
	@$(BIN)/python scripts/bundle.py $(TARGET) $(ARGS)

drill: setup ## Install, upgrade and remove on real Debians, by playbooks and by bundle (root; half an hour and more)
	@scripts/need debootstrap systemd-container dpkg-dev openssh-client nftables iproute2 iputils-ping openssl gnupg
	@$(BIN)/python -m scripts.drill.playbooks $(ARGS)
	@$(BIN)/python -m scripts.drill.archives
	@$(MAKE) --no-print-directory bundle TARGET=linux-x86_64
	@$(BIN)/python -m scripts.drill.packages $$(ls -t dist/haidang-agent-*-linux-x86_64.tar.gz | head -1)

lock: ## Bring requirements.lock up to pyproject.toml (ARGS=--upgrade: the newest of all)
	@$(BIN)/pip install --quiet uv
	@$(BIN)/uv pip compile -q pyproject.toml --extra collector --extra pdf --extra postgres --extra router --extra snmp --group dev --generate-hashes --universal \
		--python-version 3.11 --no-emit-index-url --no-header $(ARGS) -o requirements.lock
