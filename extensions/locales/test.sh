test "$(locale charmap)" = {{ options.charset | quote }}
test -z "$(locale 2>&1 >/dev/null)"
