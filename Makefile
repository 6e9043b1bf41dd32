# Nothing is assumed but Python 3.11 and pip (and, for the tests, apt where a server is missing).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGE := $(VENV)/.package
TOOLS := $(VENV)/.tools
JOBS ?= 2
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: run demo test check fast bench bench-overspend bench-scale bench-guardrails bench-routing bench-audit envoy-config protos lock clean

run: $(PACKAGE)        ## a running gateway with a demo configuration; Ctrl-C stops it
	$(BIN)/envelope up --demo

demo: $(PACKAGE)       ## the guided tour: drives the gateway, checks every answer, exits
	$(BIN)/envelope demo

test: $(TOOLS)         ## every test, through real Envoy, store, OPA and SDKs
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile

fast: $(TOOLS)         ## the tests that start no gateway
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -q -m "not e2e"

check: $(TOOLS)        ## format, lint, types, fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy extproc
	$(MAKE) fast

bench: $(TOOLS)        ## CPU and latency beside a do-nothing processor and plain Envoy
	$(BIN)/python -m bench

bench-overspend: $(TOOLS)  ## dollars overspent under concurrency, beside LiteLLM's proxy (installs it in .bench)
	$(BIN)/python -m bench.overspend

bench-scale: $(TOOLS)  ## limits and store with up to 10,000 rules and a million counters
	$(BIN)/python -m bench.ledger_scale

bench-guardrails: $(TOOLS)  ## quality beside Presidio and detect-secrets (installs them in .bench), and cost
	$(BIN)/python -m bench.guardrail_quality
	$(BIN)/python -m bench.guardrail_cost
	$(BIN)/python -m bench.guardrail_stream

bench-routing: $(TOOLS)  ## what a translation costs, and whether a large configuration costs a request anything
	$(BIN)/python -m bench.translation
	$(BIN)/python -m bench.routing_scale

bench-audit: $(TOOLS)  ## what an entry costs a call, the log's process and an auditor; questions over ten million
	$(BIN)/python -m bench.audit_log
	$(BIN)/python -m bench.audit_questions

envoy-config: $(PACKAGE)  ## Envoy's bootstrap for the example in envoy/
	$(BIN)/envelope render --config envoy/example

protos: $(TOOLS)       ## compile protos/ again
	$(BIN)/python -m grpc_tools.protoc -Iprotos --python_out=extproc/server \
	  --pyi_out=extproc/server protos/ext_proc.proto

lock:                  ## pin every dependency again, with hashes
	$(PYTHON) -m pip install --quiet pip-tools
	$(PYTHON) -m piptools compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-emit-trusted-host --strip-extras --no-header --output-file requirements.txt pyproject.toml
	$(PYTHON) -m piptools compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-emit-trusted-host --strip-extras --no-header --allow-unsafe --extra test \
	  --constraint requirements.txt --output-file requirements-test.txt pyproject.toml
	$(PYTHON) -m piptools compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-emit-trusted-host --strip-extras --no-header --output-file requirements-build.txt \
	  requirements-build.in

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(PACKAGE): $(VENV)/bin/python requirements.txt requirements-build.txt pyproject.toml
	$(INSTALL) --require-hashes -r requirements.txt -r requirements-build.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

$(TOOLS): $(PACKAGE) requirements-test.txt
	$(INSTALL) --require-hashes -r requirements-test.txt
	touch $@

clean:
	rm -rf $(VENV) .envelope .tools .bench
