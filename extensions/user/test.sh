test "$(id --user)" != 0
test "$HOME" = "$(getent passwd "$(id --user)" | cut -d: -f6)"
test -w "$HOME"
