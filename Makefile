# Everything a fresh machine needs is Python 3.11 or newer and make; each target sets up the rest itself.
#
#   make serve ARGS="--port 9000"     make test ARGS="-k postgres -x"     make bench ARGS=…

PYTHON ?= python3
ARGS ?=
EXAMPLES ?= 20000
PARALLEL ?= --numprocesses 2 --dist loadscope --no-loadscope-reorder
BIN := .venv/bin
READY := .venv/.ready
INTEROP := build/interop/.ready
GUIDES := build/guides/.ready
CONTRACT := build/contract/.ready
SECONDS ?= 120

# Compiled once, not again in each of a server's dozen processes, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX ?= $(CURDIR)/build/pycache

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve test test-unit approval-races chaos releases alerts browser browser-speed browser-chaos images agent-hour vendor fuzz interop interop-guides contract cases endurance simulate-wrk simulate-theory replay-day check bench schema reference clients packages format lock clean

help: ## this list
	@sed -n 's/^\([a-z%-]*\):[^#]*## /\1	/p' $(MAKEFILE_LIST) | expand -t 12

serve: $(READY) ## run the server with demo data, on 127.0.0.1:8080
	@exec $(BIN)/tertulia serve --demo $(ARGS)

test: $(READY) ## run all tests, in two processes; in one: make test PARALLEL=
	@$(BIN)/python -m pytest $(PARALLEL) --durations=10 $(ARGS)

test-unit: $(READY) ## run the quick tests that need no server
	@$(BIN)/python -m pytest $(PARALLEL) -m "not server and not slow" --durations=10 $(ARGS)

test-%: $(READY) ## run the tests of one folder: test-core, test-http, test-acceptance …
	@$(BIN)/python -m pytest tests/$* --durations=10 $(ARGS)

browser: $(READY) ## test the pages in a real browser, including the long tests
	@$(BIN)/python -m pytest tests/browser -m "browser or not browser" --durations=10 $(ARGS)

browser-speed: $(READY) ## measure the pages in a real browser: 10,000 conversations, a thread of 20,000 messages, 60 messages a second
	@MANY_CONVERSATIONS=$${MANY_CONVERSATIONS:-10000} MANY_MESSAGES=$${MANY_MESSAGES:-20000} $(BIN)/python -m pytest -m browser -s \
		tests/browser/test_speed.py tests/browser/test_widget_speed.py tests/browser/test_list.py $(ARGS)

browser-chaos: $(READY) ## kill gateways and tabs under five open pages: GATEWAY_KILLS=20
	@$(BIN)/python -m pytest -m browser -s tests/browser/test_cuts.py $(ARGS)

images: $(READY) ## take the screenshots of docs/images, in a real browser: make images ARGS="reports floor"
	@PYTHONPATH=.:tests:tests/browser $(BIN)/python tests/browser/pictures.py $(ARGS)

agent-hour: $(READY) ## count the requests of an agent's hour in the inbox; QUIET_SECONDS=120 for longer
	@QUIET_SECONDS=$${QUIET_SECONDS:-120} $(BIN)/python -m pytest tests/browser/test_agent_hour.py -m browser -s $(ARGS)

vendor: $(READY) ## fetch the pages' libraries from npm at their pinned versions, and write their hash manifest
	@$(BIN)/python tests/vendor.py

fuzz: $(READY) ## the fuzzers and property tests, with more examples: make fuzz EXAMPLES=100000 ARGS="-k email"
	@FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/fuzz $$(grep -rl 'import searched' tests --include='test_*.py') --timeout=0 $(ARGS)

approval-races: $(READY) ## races of approvals against customers' messages on a server of its own: make approval-races ARGS="--races 100000"
	@$(BIN)/python tests/faults/approval_races.py $(ARGS)

interop: interop-guides $(INTEROP) ## the provider double with the providers' own libraries, malformed mails, webhooks in random order; the guides' programs
	@ODD_MAILS=1000 REPLAYS=40 build/interop/bin/python -m pytest tests/interop tests/acceptance/test_odd_mails.py \
		tests/http/test_replayed_webhooks.py --durations=10 $(ARGS)

contract: $(READY) $(CONTRACT) ## test the API against its documents with schemathesis, redocly and the AsyncAPI parser: make contract SECONDS=300
	@CONTRACT_SECONDS=$(SECONDS) $(BIN)/python -m pytest tests/contract --durations=10 $(ARGS)

cases: $(READY) ## replay reported faults on the demo that `make serve` runs
	@$(BIN)/python tests/cases/run.py $(ARGS)

interop-guides: $(GUIDES) ## run the programs of docs/guides with each stream client, two of them in a browser
	@$(BIN)/python -m pytest tests/guides --durations=5 $(ARGS)

check: $(READY) ## check format, lint, types, architecture, and what the documents say of the tree
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/basedpyright
	@$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_architecture_of_tests.py tests/test_rooms.py tests/test_documents.py

chaos: $(READY) ## break machines under load, in network namespaces: make chaos ARGS="leave cut_30 --seeds 5"
	@$(BIN)/python tests/cluster/chaos.py $(ARGS)

releases: $(READY) ## run the last release and this one beside each other, under load, forth and back: make releases ARGS="--earlier v1.2"
	@$(BIN)/python tests/cluster/chaos.py upgrade rollback $(ARGS)

endurance: $(READY) ## run 20,000 customers in an hour, and watch the memory of server and generator: make endurance MINUTES=20
	@PYTHONPATH=. $(BIN)/python tests/theory/endurance.py $(if $(MINUTES),--minutes $(MINUTES)) $(ARGS)

simulate-wrk: $(READY) ## measure one route with the simulator and with wrk (Debian's) at the same time
	@command -v wrk >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends wrk || { apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends wrk; }; } >/dev/null 2>&1; } || true
	@PYTHONPATH=. $(BIN)/python tests/theory/beside_wrk.py $(ARGS)

simulate-theory: $(READY) ## compare the routing with queueing theory, on a server of its own: make simulate-theory ARGS="--rows 3"
	@PYTHONPATH=. $(BIN)/python tests/theory/run.py $(ARGS)

replay-day: $(READY) ## simulate a day, kill the supervisor in its middle, make every decision again, try other policies: make replay-day CONVERSATIONS=5000
	@PYTHONPATH=. $(BIN)/python tests/theory/replay_day.py $(if $(CONVERSATIONS),--conversations $(CONVERSATIONS)) $(ARGS)

alerts: ## test the alert rules with promtool, from Debian's prometheus
	@command -v promtool >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus || { apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus; }; } >/dev/null 2>&1; } || true
	@command -v promtool >/dev/null || { echo 'testing the alert rules needs promtool: sudo apt-get install prometheus' >&2; exit 1; }
	@promtool check rules deploy/prometheus/alerts.yml
	@promtool check config --syntax-only deploy/prometheus/prometheus.yml
	@promtool test rules deploy/prometheus/alerts_test.yml

bench: $(READY) ## run the benchmarks
	@$(BIN)/python -m bench $(ARGS)

schema: $(READY) ## write storage/postgres/schema.sql from the migrations
	@$(BIN)/python tests/storage/schema_dump.py

format: $(READY) ## format the code and apply lint fixes
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

reference: $(READY) ## write docs/errors.md and docs/websocket.md from the code's tables
	@$(BIN)/python tests/reference.py

clients: $(READY) ## write the generated parts of client/ from the OpenAPI document
	@$(BIN)/python client/generate.py

packages: $(READY) ## build the clients' packages, and test them in fresh environments
	@CLIENT_PACKAGES=1 $(BIN)/python -m pytest tests/client --timeout=600 --durations=10 $(ARGS)

lock: $(READY) ## update requirements.lock to the newest compatible versions
	@$(BIN)/python -m venv build/lock
	@build/lock/bin/python -m pip install --quiet uv
	@echo 'setuptools>=77' > build/lock/build.in
	@build/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-emit-index-url --custom-compile-command 'make lock' \
		--extra embedded --extra dev pyproject.toml build/lock/build.in --output-file requirements.lock
	@build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-emit-index-url --custom-compile-command 'make lock' --constraint requirements.lock \
		--extra cluster --extra rabbitmq pyproject.toml client/python/pyproject.toml build/lock/build.in \
		--output-file deploy/requirements.lock
	@build/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-emit-index-url --custom-compile-command 'make lock' \
		--extra embedded --extra dev --extra interop pyproject.toml build/lock/build.in --output-file tests/interop/requirements.lock
	@build/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-emit-index-url --custom-compile-command 'make lock' \
		tests/contract/requirements.in --output-file tests/contract/requirements.lock
	@echo 'requirements.lock is updated; the next make installs it'

clean: ## remove everything installed and cached; keep the data in .tertulia
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip's output is shown only when it fails. Without an index it says "No matching distribution", which misleads.
define pip
mkdir -p build; $(BIN)/python -m pip install --disable-pip-version-check --no-input $(1) >build/install.log 2>&1 || { \
	if grep -qE 'NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Max retries exceeded' build/install.log; then \
		echo 'the package index could not be reached; check the network, or set PIP_INDEX_URL (pip said: build/install.log)' >&2; \
	elif grep -qE 'No space left on device' build/install.log; then \
		echo 'the disk is full; about 1.5 GB are needed (pip said: build/install.log)' >&2; \
	else \
		cat build/install.log >&2; \
	fi; exit 1; }
endef

# The stamp comes last, so an interrupted installation is repeated. The lock includes setuptools, so building the
# editable package needs no index.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys' 2>/dev/null || \
		{ echo 'Python was not found as "$(PYTHON)"; install Python 3.11 or newer, or set its name: make PYTHON=python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$$($(PYTHON) --version) is too old; Tertulia needs 3.11 or newer. Choose another: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo 'installing python3-venv (first run only) …'; \
			export DEBIAN_FRONTEND=noninteractive; \
			{ apt-get install -y -qq python3-venv || { apt-get update -qq && apt-get install -y -qq python3-venv; }; } >/dev/null 2>&1; \
		fi; \
		$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; } || \
		{ echo "$$($(PYTHON) --version) comes without its venv module; install it: sudo apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || { echo 'creating .venv …'; $(PYTHON) -m venv --clear .venv; }
	@echo 'installing (first run only, about a minute) …'
	@$(call pip,-r requirements.lock)
	@$(call pip,--no-deps --no-build-isolation -e .)
	@touch $@
	@echo 'installed'

$(INTEROP): $(READY) tests/interop/requirements.lock
	@echo "installing the providers' libraries (first run only, about two minutes) …"
	@$(PYTHON) -m venv build/interop
	@build/interop/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r tests/interop/requirements.lock
	@touch $@

# Schemathesis has an environment of its own: it calls the server from outside.
$(CONTRACT): tests/contract/requirements.lock tests/contract/package.json tests/contract/package-lock.json
	@command -v npm >/dev/null || { echo "make contract needs npm: sudo apt-get install npm" >&2; exit 1; }
	@mkdir -p build/contract
	@cp tests/contract/package.json tests/contract/package-lock.json build/contract/
	@cd build/contract && npm ci --silent --no-audit --no-fund --ignore-scripts
	@$(PYTHON) -m venv build/contract/python
	@build/contract/python/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r tests/contract/requirements.lock
	@touch $@

# The stream clients from npm and PyPI that the guides show, in the versions that package-lock.json pins.
$(GUIDES): $(READY) tests/guides/package.json tests/guides/package-lock.json
	@for need in npm:npm chromium-headless-shell:chromium-headless-shell; do \
		command -v $${need%%:*} >/dev/null && continue; \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "installing $${need##*:} (first run only) …"; \
			{ DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $${need##*:} || { apt-get update -qq && \
				DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $${need##*:}; }; } >/dev/null 2>&1; \
		fi; \
		command -v $${need%%:*} >/dev/null || { echo "the guides' programs need $${need%%:*}: sudo apt-get install $${need##*:}" >&2; exit 1; }; \
	done
	@mkdir -p build/guides
	@cp tests/guides/package.json tests/guides/package-lock.json build/guides/
	@cd build/guides && npm ci --silent --no-audit --no-fund --ignore-scripts
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --upgrade \
		--target build/guides/python aiohttp-sse-client==0.2.1
	@touch $@
