# The loop of a contributor. `make check` is what every commit passes.
.PHONY: build check test full lint bench demo

build:
	go build -o bin/neutrino-local ./cmd/neutrino-local

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

test:
	go test ./...

check: lint
	go test -race -shuffle=on ./...

full:
	bash .ci/run

bench:
	go test -run '^$$' -bench . -benchmem ./...

demo:
	go run ./cmd/neutrino-local up --demo --ephemeral
