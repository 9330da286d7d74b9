# Everything that a person types here. `make run` and `make test` do their own set-up.

GO          ?= go
BIN         := $(CURDIR)/bin
TOOLS       := $(BIN)/tools
GOLANGCI    := $(TOOLS)/golangci-lint-2.15.0
GOFUMPT     := $(TOOLS)/gofumpt-0.12.0
export CGO_ENABLED ?= 0

# For each fuzz target: there are about ten, so this is ten minutes.
FUZZTIME    ?= 1m

.PHONY: help build run demo test check format lint bench fuzz clean

help: ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## both programs, into bin/
	@mkdir -p $(BIN)
	$(GO) build -trimpath -ldflags='-s -w' -o $(BIN)/ ./cmd/handclaspd ./cmd/handclasp

run: build ## build, and serve at http://127.0.0.1:8080
	@$(BIN)/handclaspd serve

demo: build ## a whole login, unattended, every step printed
	@$(GO) run ./demo -bin $(BIN)

test: ## everything, with real servers and a real browser
	@.ci/needs
	CGO_ENABLED=1 $(GO) test -race -timeout 20m ./...

check: $(GOLANGCI) $(GOFUMPT) ## format, vet, lint, floors, openapi, links of the docs
	@files=$$($(GOFUMPT) -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "run 'make format' for:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	$(GOLANGCI) run ./...
	$(GO) test -count=1 -run '^Test(ImportsOnlyGoDown|OnlyOAuthKnowsFosite|ServerSees.*|LinksOfTheDocs.*|TheREADMENames.*|EveryThreat.*|Description.*)$$' . ./server

format: $(GOFUMPT) ## format all Go files
	$(GOFUMPT) -w $$(git ls-files '*.go')

bench: build ## the table of costs, as ratios taken in one run
	@.ci/needs bench
	@$(GO) run ./bench -bin $(BIN)

fuzz: ## every fuzz target, each for FUZZTIME (1m)
	@GO='$(GO)' FUZZTIME='$(FUZZTIME)' .ci/fuzz

clean: ## what was built; never the data
	rm -rf $(BIN)

$(GOLANGCI):
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	mv $(TOOLS)/golangci-lint $@

$(GOFUMPT):
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) $(GO) install mvdan.cc/gofumpt@v0.12.0
	mv $(TOOLS)/gofumpt $@
