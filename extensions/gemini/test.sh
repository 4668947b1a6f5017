test "$(gemini --version)" = {{ options.version | quote }}
node --eval 'require("{{ out }}/lib/node_modules/@lydell/node-pty").spawn("true", [], {})'
