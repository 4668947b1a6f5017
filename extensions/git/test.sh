cd "$(mktemp -d)"
git init --quiet .
git lfs version
git -c user.name=a -c user.email=a@example.org commit --quiet --allow-empty --message first
test "$(git rev-list --count HEAD)" = 1
