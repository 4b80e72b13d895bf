# The commands of daily work. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help run build test browser-test format lint check clean

# An import of a module that the manifest does not name fails the build.
SWIFT_BUILD := swift build --explicit-target-dependency-import-check error
SWIFT_FILES := Benchmarks Fuzz Sources Tests Package.swift
# Three runs, since tests that compute would starve those that wait for something to happen, and many processes both.
VALUE_TESTS := FuzzTests|MartletCoreTests|MartletProtocolTests|MartletConfigurationTests|MartletWebSocketTests|MartletHTTP2Tests
PROCESS_TESTS := AbuseTests|BackplaneFaultTests|ClusterTests|ConformanceTests|MartletTestSupportTests
# So many tests at a time: the time that one waits for what it expects begins with itself.
WIDTH := --experimental-maximum-parallelization-width 12

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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
	swift test --skip-build --filter '^($(VALUE_TESTS))\.'
	swift test --skip-build $(WIDTH) --skip '^($(VALUE_TESTS)|$(PROCESS_TESTS))\.'
	swift test --skip-build $(WIDTH) --filter '^($(PROCESS_TESTS))\.'

browser-test: ## prove in a headless Chromium that pages can use every transport
	@scripts/bootstrap browser
	$(SWIFT_BUILD) --product martlet-gateway
	scripts/browser-test

format: ## format the Swift sources in place
	swift format --in-place --recursive $(SWIFT_FILES)

lint: ## fail where the Swift sources are not formatted
	swift format lint --strict --recursive $(SWIFT_FILES)

check: ## everything that CI runs
	scripts/check

clean: ## remove what the build and the measurements produced
	swift package clean
	rm -rf loadtest/fanout-cost/build
