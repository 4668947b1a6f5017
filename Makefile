# make demo     the main job on examples/quickstart, from a bare clone
# make test     everything that must pass
# make fuzz     fuzzes every parser for FUZZ_SECONDS (60); CI does so with fixed inputs
# make install  `deps` into ~/.local/bin (PREFIX=…)
PREFIX ?= $(HOME)/.local

.PHONY: demo test install servers servers-down bench fuzz

demo:
	examples/quickstart/demo

test:
	tests/tooling/test $(ARGS)

install:
	cargo build --release --locked
	install -D -m 755 $(or $(CARGO_TARGET_DIR),target)/release/deps-cli $(DESTDIR)$(PREFIX)/bin/deps

servers:
	tests/tooling/servers up

servers-down:
	tests/tooling/servers down

fuzz:
	tests/tooling/fuzz

bench:
	benches/run
