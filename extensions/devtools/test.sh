cd "$(mktemp -d)"
echo needle > hay
test "$(rg --no-filename needle .)" = needle
test "$(fd --type f --strip-cwd-prefix)" = hay
