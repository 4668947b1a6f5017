test "$(printf 'one\ntwo\n' | fzf --filter tw)" = two
