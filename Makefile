# make run and make test work on a fresh Debian or Ubuntu with Go, git and make.
SHELL := /bin/sh
VERSION ?= 0.1.0
GO = $(shell packaging/go.sh)
EPOCH = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),0)
LDFLAGS = -s -w -X github.com/bugspark/bugspark/internal/cli.Version=$(VERSION) -X github.com/bugspark/bugspark/internal/cli.Built=$(EPOCH)
DASHBOARD = internal/tracker/dashboard
WIDGET = internal/tracker/widget
sources = packaging/frontend.sh packaging/node/package-lock.json $(shell find $(1)/ui -type f -not -path '*/node_modules/*' -not -path '*/test/*')
# Root's PostgreSQL runs as another account, which may not enter /root.
RUN_DIR ?= $(if $(filter 0,$(shell id -u)),/var/tmp/bugspark-run,$(CURDIR)/.cache/run)

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

run: bootstrap-run build ## Build and run the whole stack in the foreground at https://localhost:8443
	@bin/bugspark up --dir "$(RUN_DIR)"

test: bootstrap-test build package ## Run every test, also those on clean machines with systemd
	@GO=$(GO) packaging/test.sh

package: bootstrap-package build ## Build .deb, .rpm and a signed apt repository into dist/
	@packaging/package.sh $(GO) $(VERSION)

bench: bootstrap-bench build ## Measure ingestion, proxy, memory and backups against their peers
	@$(GO) run ./internal/bench all bin/bugspark

check: bootstrap-check ## Check formatting, the usual mistakes, house rules and types (a minute)
	@GO=$(GO) packaging/check.sh

unit: bootstrap-unit ## Run every Go test that needs no root, machine or browser (two minutes)
	@GO=$(GO) packaging/unit.sh

# A test with a long form runs it for as long as BUGSPARK_SOAK says.
soak: bootstrap-test package ## Run the random-sequence tests for BUGSPARK_SOAK each (30m), and kill commands BUGSPARK_KILLS times (200)
	@BUGSPARK_SOAK=$${BUGSPARK_SOAK:-30m} $(GO) test -count=1 -timeout=0 -p=1 -run='Model|Sequence|Soak' ./internal/...
	@BUGSPARK_SOAK=$${BUGSPARK_SOAK:-30m} BUGSPARK_KILLS=$${BUGSPARK_KILLS:-200} $(GO) test -count=1 -timeout=0 -run='Sequences|Killed' ./packaging/machinetest

build: $(DASHBOARD)/dist/index.html $(WIDGET)/dist/widget.js ## Build bin/bugspark
	@CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/bugspark ./cmd/bugspark

$(DASHBOARD)/dist/index.html: $(call sources,$(DASHBOARD)) | bootstrap-run
	@packaging/frontend.sh $(DASHBOARD)/ui --fast

$(WIDGET)/dist/widget.js: $(call sources,$(WIDGET)) | bootstrap-run
	@packaging/frontend.sh $(WIDGET)/ui --fast

bootstrap-%:
	@packaging/bootstrap.sh $*

clean: ## Remove what was built
	@rm -rf bin dist .cache
	@find $(DASHBOARD)/dist $(WIDGET)/dist -mindepth 1 ! -name placeholder.txt -delete

.PHONY: help run test package bench check unit soak build clean
