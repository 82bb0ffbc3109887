# Fresh machine: Python 3.11 or newer and make are all that `make run` and `make test` need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help install run chat test asyncio soak check format proto man picture experiments bench benchmarks site wireshark tshark dist clean

help: ## This list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 13

install: $(STAMP) ## Everything into .venv, in the pinned versions

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group test --group check --group proto
	@touch $@

run: $(STAMP) ## Start the server with a room called lobby
ifeq ($(ARGS),)
	@echo 'Chat with it from another terminal:   make chat'
	@echo 'Look at it, where grpcurl is there:   grpcurl -plaintext localhost:8080 list'
endif
	@exec $(BIN)/chatserver --room lobby $(ARGS)

chat: $(STAMP) ## Join the lobby
	@exec $(BIN)/chatter --room lobby $(ARGS)

test: $(STAMP) ## Run the tests; says what was skipped for want of which tool
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

asyncio: $(STAMP) ## The tests of server processes, on asyncio's own loop in place of uvloop
	@CHATSERVER_LOOP=asyncio $(BIN)/python -m pytest -n auto --dist worksteal tests/floods tests/threats tests/interop $(addsuffix *.py,$(addprefix tests/faults/test_,client_cuts cuts sigterm stalled vanished)) $(ARGS)

soak: $(STAMP) ## The tests of faults and floods at full length, with their figures
	@SOAK=1 $(BIN)/python -m pytest -s --timeout 3600 tests/faults tests/nodes tests/floods tests/threats tests/chatwire/test_garbage.py tests/wire/http2/test_fuzz.py tests/chatter/test_safe_text.py tests/interop/test_proxies_silence.py tests/page/test_load.py $(ARGS)
	@SOAK=1 $(BIN)/python -m pytest -n auto --timeout 3600 -m "hypothesis or shortened" --ignore tests/faults --ignore tests/nodes --ignore tests/floods --ignore tests/threats $(ARGS)

check: $(STAMP) ## Lint, format, types, generated code, import rules, the contract, the page
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python tools/generate.py --check
	@$(BIN)/python tools/man_pages.py --check
	@$(BIN)/python -m pytest -q tests/test_architecture.py
	@$(BIN)/python tools/check_contract.py
	@if [ -x tests/page/node_modules/.bin/tsc ]; then tests/page/node_modules/.bin/tsc -p tests/page; fi

format: $(STAMP) ## Fix what ruff can fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

proto: $(STAMP) ## Generate src/chatroom/api from proto/
	@$(BIN)/python tools/generate.py

man: $(STAMP) ## Write the man pages of the programs to docs/man
	@$(BIN)/python tools/man_pages.py

picture: $(STAMP) ## Draw chatter's screen for the README
	@$(BIN)/python -m tests.chatter.terminal.picture

experiments: $(STAMP) ## Run the experiments and write what they show to docs/experiments
	@$(BIN)/python tools/write_experiments.py $(ARGS)

bench: $(STAMP) ## Compare with grpc-go and Redis, in one run
	@$(BIN)/python -m bench.fanout $(ARGS)

benchmarks: $(STAMP) ## Compare with everybody, for hours, and write docs/benchmarks.md
	@$(BIN)/python -m bench.everybody --build $(ARGS)

site: $(VENV)/.site ## Build the documents as a site into build/site
	@$(BIN)/python -m tools.site

$(VENV)/.site: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group docs
	@touch $@

wireshark: $(STAMP) ## Wireshark with our profile: FILE=…, or live; PORT=… HTTP1=1
	@$(BIN)/python tools/wireshark.py $(PORT:%=--port=%) $(if $(HTTP1),--http1) wireshark $(if $(FILE),-r "$(FILE)") $(ARGS)

tshark: $(STAMP) ## The same in the terminal
	@$(BIN)/python tools/wireshark.py $(PORT:%=--port=%) $(if $(HTTP1),--http1) tshark $(if $(FILE),-r "$(FILE)") $(ARGS)

dist: $(STAMP) ## Build the wheel and the sdist, install the wheel elsewhere, list what it brings
	@$(BIN)/python tools/release.py

clean: ## Remove what was made here
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .tools dist build
