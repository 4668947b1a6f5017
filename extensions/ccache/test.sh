cd "$(mktemp -d)"
CCACHE_DIR=$PWD/cache
export CCACHE_DIR
printf 'int main(void) { return 0; }\n' > main.c
if command -v cc; then
    ccache cc -c main.c -o main.o
    ccache cc -c main.c -o again.o
    ccache --print-stats | grep -E '^(direct|preprocessed)_cache_hit[[:space:]]+1$'
else
    ccache --zero-stats
fi
