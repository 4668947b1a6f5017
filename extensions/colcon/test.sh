cd "$(mktemp -d)"
colcon --help > help
grep -q build help
colcon list
