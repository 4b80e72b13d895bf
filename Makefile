# The commands of daily work. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help run build test format lint check clean

# An import of a module that the manifest does not name fails the build.
SWIFT_BUILD := swift build --explicit-target-dependency-import-check error
SWIFT_FILES := Benchmarks Fuzz Sources Tests Package.swift
# Many processes and real time: they run apart from the others, which would starve them, and they those.
PROCESS_TESTS := BackplaneFaultTests|ClusterTests|ConformanceTests|MartletTestSupportTests

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build the gateway and serve the demo on http://127.0.0.1:8080
	@scripts/bootstrap build
	$(SWIFT_BUILD) -c release --product martlet-gateway
	exec .build/release/martlet-gateway --config cluster/demo.yaml --listen 127.0.0.1:8080

build: ## build all programs, optimised
	@scripts/bootstrap build
	$(SWIFT_BUILD) -c release

test: ## build and run all tests
	@scripts/bootstrap test
	$(SWIFT_BUILD) --build-tests
	swift test --skip-build --skip '^($(PROCESS_TESTS))\.'
	swift test --skip-build --filter '^($(PROCESS_TESTS))\.'

format: ## format the Swift sources in place
	swift format --in-place --recursive $(SWIFT_FILES)

lint: ## fail where the Swift sources are not formatted
	swift format lint --strict --recursive $(SWIFT_FILES)

check: ## everything that CI runs
	scripts/check

clean: ## remove what the build and the measurements produced
	swift package clean
	rm -rf loadtest/fanout-cost/build
