# The keys of fzf, where somebody types.
case $- in *i*)
    if [ -n "${BASH_VERSION-}" ] && [ -r /usr/share/doc/fzf/examples/key-bindings.bash ]; then
        . /usr/share/doc/fzf/examples/key-bindings.bash
    fi
    ;;
esac
