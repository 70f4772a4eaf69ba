# The front door. Each target creates what it needs; nothing has to be installed by hand but Python 3.11+ and make.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
PROTOS := $(wildcard proto/sendgate/v1/*.proto)
IMAGE  ?= sendgate:dev

.DEFAULT_GOAL := help
.PHONY: help run test check lint format proto proto-check proto-release bench image clean

help: ## Show this list.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# pip's stamp files: made anew when the dependencies change.
$(VENV)/server: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the server into $(VENV)"
	@$(PIP) install --editable '.[server]'
	@touch $@

# Everything at once: each call of pip builds the project anew. What is imported is compiled then, not all there is now.
$(VENV)/test: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the server and what tests it into $(VENV)"
	@$(PIP) install --no-compile 'pip>=25.1'
	@$(PIP) install --no-compile --editable '.[connectors]' --group test
	@touch $(VENV)/server $@

$(VENV)/dev: $(VENV)/test
	@echo "installing the development tools into $(VENV)"
	@$(PIP) install --group dev
	@touch $@

run: $(VENV)/server ## Serve on 127.0.0.1:50051 with an embedded database in var/.
	@mkdir -p var
	@SENDGATE_DATABASE=$${SENDGATE_DATABASE:-var/sendgate.db} GLIBC_TUNABLES=$${GLIBC_TUNABLES-glibc.malloc.tcache_count=0} \
	  exec $(BIN)/sendgate serve

# Files stay whole in one worker: their tests share servers. They are begun in the order in which they are found, and by
# more workers than there are cores, for much of a test is waiting. What hundreds of processes import is compiled once.
WORKERS = $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)
PYTEST  = env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: $(VENV)/test ## Run every test that this machine can run.
	@$(PYTEST)

check: lint $(VENV)/dev ## Every quality gate: lint, then the tests with branch coverage.
	@$(PYTEST) --cov --cov-report=
	@$(BIN)/coverage report
	@$(BIN)/coverage report --include='gate/rules/*' --fail-under=100

lint: $(VENV)/dev proto-check ## Format, lint, strict types, import order, contract.
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(VENV)/dev ## Format the code and mend what the linter can mend.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# google/rpc/*.proto comes with a Python package, so that no registry of protos is needed.
PROTOC = $(BIN)/python -m grpc_tools.protoc -Iproto \
  -I"$$($(BIN)/python -c 'import google.rpc, pathlib; print(pathlib.Path(google.rpc.__path__[0]).parent.parent)')"
GENERATE = $(PROTOC) --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy \
  --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc

proto: $(VENV)/dev ## Generate the contract's messages, stubs and types.
	@$(GENERATE) --python_out=proto --grpc_python_out=proto --mypy_out=quiet:proto --mypy_grpc_out=quiet:proto $(PROTOS)

proto-check: $(VENV)/dev ## Lint the contract, compare it with the released one, and see that its code is up to date.
	@mkdir -p build/proto
	@$(PROTOC) --include_imports --include_source_info --descriptor_set_out=build/contract.binpb $(PROTOS)
	@$(BIN)/buf lint build/contract.binpb --config buf.yaml
	@$(BIN)/buf breaking build/contract.binpb --against proto/released.binpb --config buf.yaml
	@$(GENERATE) --python_out=build/proto --grpc_python_out=build/proto --mypy_out=quiet:build/proto \
	  --mypy_grpc_out=quiet:build/proto $(PROTOS)
	@diff -r --exclude='*.proto' --exclude=__pycache__ --exclude=py.typed build/proto/sendgate proto/sendgate \
	  || { echo 'the generated code is out of date: run make proto'; exit 1; }

proto-release: $(VENV)/dev ## Take the contract as it is for the released one, which later ones may not break.
	@$(PROTOC) --include_imports --descriptor_set_out=proto/released.binpb $(PROTOS)

$(VENV)/bench: $(VENV)/dev
	@$(PIP) install --group bench
	@touch $@

# ARGS are options: make bench ARGS='--quick', make bench ARGS=--help.
bench: $(VENV)/bench ## Measure beside other servers; writes docs/benchmarks and the README's numbers.
	@$(BIN)/python -m tests.bench $(ARGS)

image: ## Build the container image.
	docker build --tag $(IMAGE) .

clean: ## Remove what make created.
	rm -rf $(VENV) build dist var .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis
