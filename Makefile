# `make demo` and `make test` are all a newcomer needs: they install what is missing first. `make help` lists the rest.
# SYMFONY=7.4 chooses the other Symfony line: make test SYMFONY=7.4

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-messaging test lint fix coverage mutants bench chaos stubs clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what is missing on this machine (Debian packages) and say what cannot be installed
	@scripts/setup

demo: setup ## Build, then watch a Symfony application run the user-onboarding workflow with real workers
	@scripts/demo

demo-messaging: setup ## Build, then watch agents of a Symfony application talk over channels
	@scripts/demo-messaging

test: ## Run every test: Rust, then PHP (SYMFONY=7.4 for the newer Symfony)
	@scripts/setup --tests
	@scripts/test

lint: setup ## Check formatting and run the static analysers: rustfmt, clippy, PHPStan, PHP CS Fixer
	@scripts/lint

fix: setup ## Apply rustfmt and PHP CS Fixer
	@scripts/fix

coverage: setup ## Measure the line coverage of the engine; fails below 90 %
	@scripts/coverage

mutants: setup ## Change the core in one place at a time and ask whether a test notices; fails below 90 % (FOLDER=run SHARD=0/8)
	@scripts/mutants $(FOLDER) $(SHARD)

bench: setup ## Run the benchmarks with a release build and print medians, ratios and bars (NAME=transports for one of them)
	@scripts/bench $(NAME)

chaos: ## Let workers, servers, disks, networks and clocks fail in 100 rounds on each backend and print what was lost or doubled (scripts/chaos 5 redis for less)
	@scripts/setup --tests
	@scripts/chaos

stubs: setup ## Hold the PHP stubs (ext/stubs) against the extension and show every difference
	@scripts/stubs

clean: ## Remove what the targets made in this clone (not the download cache)
	@rm -rf var tools/vendor examples/*/var examples/*/vendor
	@cargo clean --quiet
