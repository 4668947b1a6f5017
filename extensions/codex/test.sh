test "$(codex --version)" = "codex-cli {{ options.version }}"
