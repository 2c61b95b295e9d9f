# Everything runs from .venv, where one link makes this folder importable as the collection cloudstack.sysvm.
PYTHON ?= python3
VENV ?= .venv
# Which ansible-core VENV is to have; the newest that its Python can have, if nothing is said.
CORE ?=
PYTEST_ARGS ?=

BIN := $(CURDIR)/$(VENV)/bin
VENV_PYTHON := "$(BIN)/python"
# Not $(wildcard), which remembers that there was no such folder before the venv was made.
SITE_PACKAGES = $(CURDIR)/$(shell echo $(VENV)/lib/python*/site-packages)

# A venv holds absolute paths: one that came along with a copied folder would run the other folder's code.
ifneq ($(file <$(VENV)/.made-in),)
ifneq ($(file <$(VENV)/.made-in),$(CURDIR))
$(error $(VENV) was made in $(file <$(VENV)/.made-in). Remove it and try again: rm -rf $(VENV))
endif
endif

export PATH := $(BIN):$(PATH)
# Where it is set, each of the many processes that tests start compiles again all that it imports.
unexport PYTHONDONTWRITEBYTECODE
# An operator's shell has settings for a cloud and for Ansible, which are no concern of what is made here.
unexport $(filter ANSIBLE_% CLOUDSTACK_% CONTROLLER_% TOWER_%,$(.VARIABLES))
# Keeps an older copy in ~/.ansible/collections from being used instead of this folder.
export ANSIBLE_COLLECTIONS_PATH = $(SITE_PACKAGES)
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

ANSIBLE_CORE = $(if $(CORE),ansible-core~=$(CORE).0)
install = { $(VENV_PYTHON) -m uv --version >/dev/null 2>&1 || $(VENV_PYTHON) -m pip install -q uv; } \
	&& $(VENV_PYTHON) -m uv pip install -q --python $(VENV_PYTHON) $(1) \
	|| $(VENV_PYTHON) -m pip install -q $(1)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup generate screenshots demo test nightly tests test-fast oldest lint mypy sanity integration importer bench docs \
	build release publish image matrix clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

setup: $(VENV)/.dev ## create .venv with everything the demo and the tests need (PYTHON=python3.x chooses the interpreter)
	@copy="$$HOME/.ansible/collections/ansible_collections/cloudstack/sysvm"; if [ -e "$$copy" ]; then \
		echo "Warning: $$copy is used before this folder, except by make. Remove it, or set" \
		"ANSIBLE_COLLECTIONS_PATH='$(SITE_PACKAGES)'"; fi

generate: $(VENV)/.dev ## write what is made from the tables in the code: documentation, roles' defaults, tables of docs
	@python -m tests.tools.generate

demo: $(VENV)/.runtime ## upgrade a simulated cloud
	@tests/demo/run.sh

# More workers than cores, and the rest beside them: most tests wait most of the time.
test: $(VENV)/.dev ## what a change needs: tests, lint and types, in minutes
	@tests/tools/beside.sh "$(MAKE) --no-print-directory lint mypy" $(MAKE) --no-print-directory tests

nightly: $(VENV)/.dev ## the rest: the other tests, more examples, documentation, sanity and the oldest ansible-core
	@tests/tools/beside.sh "$(MAKE) --no-print-directory docs sanity oldest" $(MAKE) --no-print-directory tests "MARK=nightly or hypothesis" SCALE=1

# MARK= runs all of them.
MARK ?= not nightly
tests: $(VENV)/.dev ## the tests of make test, and nothing else
	@pytest -n 6 -m "$(MARK)" $(PYTEST_ARGS)

test-fast: $(VENV)/.dev ## only the fast tests
	@pytest -n 4 -m "not slow and not nightly" $(PYTEST_ARGS)

OLDEST = $(shell $(VENV_PYTHON) -c 'import sys; print("2.18" if sys.version_info < (3, 14) else "2.20")')
oldest: $(VENV)/.dev ## the unit tests with the oldest ansible-core that this Python can have
	@$(MAKE) --no-print-directory test-fast PYTHON="$(BIN)/python" VENV=.cache/venvs/oldest CORE=$(OLDEST) PYTEST_ARGS="tests/unit $(PYTEST_ARGS)"

lint: $(VENV)/.dev ## ruff, antsibull-changelog and ansible-lint
	ruff check
	ruff format --check
	antsibull-changelog lint
	ansible-lint --offline --profile production

mypy: $(VENV)/.dev ## check types
	mypy -p ansible_collections.cloudstack.sysvm.plugins -p tests

# The tests are not published, and half of the time; make matrix looks at them as well.
SANITY_ARGS ?= --exclude tests/
sanity: $(VENV)/.dev ## ansible-test sanity
	tests/tools/sanity.sh $(SANITY_ARGS)

integration: $(VENV)/.dev ## ansible-test integration: the main path against the simulated cloud
	tests/tools/integration.sh

bench: $(VENV)/.dev ## measure rollouts, a plan, the playbooks and probes against the simulator, and kill rollouts 50 times (25 minutes)
	@python tests/bench/run.py
	@python tests/bench/scale.py
	@python -m tests.bench.rehearsal
	@python tests/bench/probes.py
	@python tests/bench/kill.py

docs: $(VENV)/.dev ## build the documentation into dist/docs; a warning is an error
	@tests/tools/docsite/build.sh

VERSION_HERE = $(shell sed -n 's/^version: //p' galaxy.yml)
TAG ?= $(VERSION_HERE)
# From a copy of what git has, whatever else lies here.
DIST ?= dist
build: $(VENV)/.runtime ## build the collection into dist/, with its checksum
	@test "$(TAG)" = "$(VERSION_HERE)" || { echo "The tag is $(TAG), but galaxy.yml has version $(VERSION_HERE)."; exit 1; }
	@rm -f "$(DIST)"/*.tar.gz
	@tree=$$(mktemp -d) && trap 'rm -rf "$$tree"' EXIT && git ls-files -z ':!changelogs' | xargs -0 cp --parents -t "$$tree" \
		&& ansible-galaxy collection build --force --output-path "$(DIST)" "$$tree"
	@cd "$(DIST)" && sha256sum *.tar.gz | tee SHA256SUMS

release: $(VENV)/.dev ## prepare a release: version, release notes, tarball, checksums (VERSION=1.0.0)
	@tests/tools/release.sh "$(VERSION)"

publish: $(VENV)/.runtime ## publish what is in dist on Galaxy, with the token in GALAXY_TOKEN
	@cd dist && sha256sum --check SHA256SUMS
	@umask 077 && token=$$(mktemp) && trap 'rm -f "$$token"' EXIT && printf 'token: %s\n' "$$GALAXY_TOKEN" >"$$token" \
		&& ANSIBLE_GALAXY_TOKEN_PATH="$$token" ansible-galaxy collection publish dist/*.tar.gz

IMAGE ?= localhost/cloudstack-sysvm:$(VERSION_HERE)
image: build $(VENV)/.dev ## build the execution environment for AWX with podman or docker (IMAGE=registry.example.com/cloudstack-sysvm:1.0.0)
	ansible-builder build --context dist/context --tag "$(IMAGE)"

importer: $(VENV)/.dev ## build the collection and look at it as Galaxy does
	@pytest tests/unit/test_packaging.py $(PYTEST_ARGS)

screenshots: $(VENV)/.dev ## make docs/images anew, with Chromium
	@python -m tests.tools.screenshots

# noxfile.py says which. nox has an environment of its own: galaxy-importer wants other attrs.
matrix: $(VENV)/.dev ## all tests on each Python and ansible-core that go together, hours: make matrix [K="tests and py313_core221"]
	uv tool run nox -f noxfile.py $(if $(K),-k "$(K)") -- $(PYTEST_ARGS)

clean: ## remove caches and build output, but not .venv
	rm -rf .ansible .cache .hypothesis dist
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is not Python 3.11 or newer. Name one that is: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Creating $(VENV) ..."
	@"$(PYTHON)" -m venv $(VENV) || { rm -f $@; exit 1; }

$(VENV)/.runtime: requirements.txt requirements-demo.txt | $(VENV)/bin/python
	@echo "Installing the requirements of the collection and its demo ..."
	@$(call install,-r requirements.txt -r requirements-demo.txt $(ANSIBLE_CORE))
	@mkdir -p "$(SITE_PACKAGES)/ansible_collections/cloudstack"
	@ln -sfn "$(CURDIR)" "$(SITE_PACKAGES)/ansible_collections/cloudstack/sysvm"
	@printf %s "$(CURDIR)" > $(VENV)/.made-in
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@echo "Installing the requirements of the tests ..."
	@$(call install,-r requirements-dev.txt $(ANSIBLE_CORE))
	@touch $@
