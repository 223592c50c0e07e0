# `make run` serves, `make test` tests; both set up what they need in .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-$(shell cat pyproject.toml requirements-lock.txt 2>/dev/null | cksum | cut -d' ' -f1)
CLIENTS := .clients
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run test systemd-test check format bench endurance growth soak status replay docs clients clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(STAMP):
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "oad needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements-lock.txt --editable '.[dev]'
	@rm -f $(VENV)/.installed-* && touch $@

run: $(STAMP)  ## set up and serve on 127.0.0.1:4096 (ARGS="..." are options of `oad serve`)
	@$(BIN)/oad serve $(ARGS)

test: $(STAMP) clients  ## set up and run all tests, two files at a time
	$(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

# Boots a machine of its own: needs root, debootstrap and systemd-nspawn (Debian: debootstrap, systemd-container).
IMAGE := .machine
systemd-test: $(STAMP)  ## try the service under a real systemd
	[ -d $(IMAGE)/opt ] || debootstrap --variant=minbase \
		--include=systemd,systemd-sysv,dbus,libpam-systemd,python3,python3-venv,bubblewrap,git,procps bookworm $(IMAGE)
	[ -d $(IMAGE)/opt/oad ] || chroot $(IMAGE) python3 -m venv /opt/oad
	rm -rf $(IMAGE)/wheels && mkdir $(IMAGE)/wheels
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir $(IMAGE)/wheels .
	$(BIN)/pip download --quiet --only-binary :all: --python-version 3.11 --constraint requirements-lock.txt \
		--dest $(IMAGE)/wheels $(IMAGE)/wheels/oad-*.whl
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot $(IMAGE) /opt/oad/bin/pip install --quiet --upgrade --force-reinstall --no-index --find-links /wheels oad
	ln -sf /opt/oad/bin/oad $(IMAGE)/usr/local/bin/oad
	OAD_SYSTEMD_IMAGE=$(abspath $(IMAGE)) $(BIN)/pytest tests/e2e/service $(ARGS)

check: $(STAMP)  ## style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(STAMP)  ## bring the sources into form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) clients  ## measure against the reference server, in one run
	$(BIN)/python -m benchmarks $(ARGS)

endurance: $(STAMP)  ## open and close a thousand sessions, and compare what is left of them
	OAD_MANY_SESSIONS=$${OAD_MANY_SESSIONS:-1000} $(BIN)/pytest --timeout 7200 -s tests/e2e/containment/test_many_sessions.py $(ARGS)

status: $(STAMP)  ## walk 10,000 random steps over a server, and hold its statuses against what runs
	OAD_STATUS_STEPS=$${OAD_STATUS_STEPS:-10000} $(BIN)/pytest --timeout 14400 -s tests/e2e/test_truthful_status.py $(ARGS)

replay: $(STAMP)  ## cut event streams 2,000 times, while gateways and daemon are killed
	OAD_CUTS=$${OAD_CUTS:-2000} $(BIN)/pytest --timeout 3600 -s tests/e2e/test_replay.py $(ARGS)

growth: $(STAMP)  ## measure what ten thousand turns leave in the store, and what forgetting them costs
	OAD_MANY_TURNS=10000 OAD_MANY_EVENTS=100000 $(BIN)/pytest --timeout 3600 -s tests/daemon/test_store_growth.py tests/daemon/test_store_upkeep.py $(ARGS)

# SOAK_TURNS=50000 is the long form; SOAK_MINUTES another length of the short one.
soak: $(STAMP)  ## mixed work for ten minutes; fails when memory, descriptors, threads, processes or the store grow
	$(BIN)/python -m benchmarks.soak --minutes $${SOAK_MINUTES:-10} --turns $${SOAK_TURNS:-0} $(ARGS)

docs: $(STAMP)  ## regenerate the tables in docs/
	$(BIN)/python -m oad.cli.docs $(ARGS)

# The reference's own clients and one built on its SDK, for the end-to-end tests; without npm those tests are skipped and say so.
clients:
	@if command -v npm >/dev/null && [ ! -d $(CLIENTS)/node_modules/ai-sdk-provider-opencode-sdk ]; then \
		mkdir -p $(CLIENTS) && npm install --silent --no-audit --no-fund --prefix $(CLIENTS) \
			opencode-ai@1.18.33 @opencode-ai/sdk@1.19.3 ai-sdk-provider-opencode-sdk@3.0.6 ai@6.0.326 \
			typescript-language-server@5.3.0 typescript@5.9.3 || echo "npm clients not installed: their tests will be skipped"; fi

clean:  ## remove everything that was generated
	rm -rf $(VENV) $(CLIENTS) $(IMAGE) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
