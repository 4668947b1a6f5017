set -eu
umask 022
export GIT_TERMINAL_PROMPT=0 GIT_ALLOW_PROTOCOL=git:http:https:ssh GIT_SSH_COMMAND='ssh -o StrictHostKeyChecking=accept-new'
work=$(mktemp -d)

# The bare repository of URL in the cache mount.
repository() { printf '/root/.cache/vcs-repos/%s.git' "$(printf %s "$1" | sha256sum | cut -c 1-32)"; }

# fetch URL REV…: the commits that the cache lacks, each alone; from all branches and tags where a server gives no commit by
# its id. A commit is there whole once its own ref is, which nothing can move.
fetch() {
    url=$1
    repository=$(repository "$url")
    shift
    git init -q --bare "$repository" || return 1
    for rev in "$@"; do
        git --git-dir "$repository" rev-parse -q --verify "refs/deps/pins/$rev^{tree}" >/dev/null && continue
        git --git-dir "$repository" fetch -q --no-tags --depth 1 --end-of-options "$url" "$rev:refs/deps/pins/$rev" && continue
        git --git-dir "$repository" fetch -q --end-of-options "$url" '+refs/*:refs/deps/refs/*' \
            && git --git-dir "$repository" update-ref "refs/deps/pins/$rev" "$rev" || return 1
    done
}

# get NAME URL REV…: fetches beside others.
started=0
get() {
    (
        name=$1
        shift
        fetch "$@" && exit
        printf 'deps: cannot fetch %s from %s\n' "$name" "$1" >&2
        : >"$work/failed"
    ) &
    started=$((started + 1))
    [ $((started % 8)) != 0 ] || wait
}

got() {
    wait
    [ ! -e "$work/failed" ] || exit 1
}

# The url that a submodule of the repository at PARENT calls URL.
absolute() {
    parent=${1%/} rest=$2
    case $rest in ./* | ../*) ;; *) parent= ;; esac
    while :; do
        case $rest in
        ./*) rest=${rest#./} ;;
        ../*)
            rest=${rest#../}
            case $parent in */*) parent=${parent%/*}/ ;; *) parent=${parent%:*}: ;; esac
            parent=${parent%/}
            ;;
        *) break ;;
        esac
    done
    case $parent in '' | *:) printf %s "$parent$rest" ;; *) printf '%s/%s' "$parent" "$rest" ;; esac
}

# put NAME URL REV FOLDER all|none content|pointers: the files of a commit as they are in it, but for those of Git LFS.
put() (
    name=$1 url=$2 rev=$3 folder=$4 submodules=$5 lfs=$6
    repository=$(repository "$url")
    index=$(mktemp -u "$work/index.XXXXXX")
    mkdir -p "$folder"
    mkdir -p "$repository/info"
    echo '* -text -eol -ident -working-tree-encoding' >"$repository/info/attributes"
    git --git-dir "$repository" config remote.origin.url "$url"
    [ "$lfs" = content ] || export GIT_LFS_SKIP_SMUDGE=1
    files() {
        GIT_INDEX_FILE=$index git --git-dir "$repository" --work-tree "$folder" -c core.symlinks=true \
            -c filter.lfs.required=true -c filter.lfs.process='git-lfs filter-process' -c filter.lfs.smudge='git-lfs smudge -- %f' "$@"
    }
    if ! files read-tree "$rev" || ! (cd "$folder" && files checkout-index -q -a -f); then
        printf 'deps: cannot check out %s at %s\n' "$name" "$rev" >&2
        exit 1
    fi
    [ "$submodules" = all ] || exit 0
    git --git-dir "$repository" -c core.quotePath=false ls-tree -r --full-tree "$rev" >"$index.entries"
    while IFS= read -r entry; do
        case $entry in '160000 commit '*) ;; *) continue ;; esac
        commit=${entry#160000 commit } path=${entry#*	}
        commit=${commit%%	*}
        modules="$rev:.gitmodules"
        key=$(git --git-dir "$repository" config --blob "$modules" --fixed-value --name-only --get-regexp '\.path$' "$path" | head -n 1)
        asked=$(git --git-dir "$repository" config --blob "$modules" --get "${key%.path}.url") || {
            printf 'deps: %s has no url for its submodule %s\n' "$name" "$path" >&2
            exit 1
        }
        asked=$(absolute "$url" "$asked")
        fetch "$asked" "$commit" </dev/null || {
            printf 'deps: cannot fetch %s/%s from %s\n' "$name" "$path" "$asked" >&2
            exit 1
        }
        put "$name/$path" "$asked" "$commit" "$folder/$path" all "$lfs" </dev/null
    done <"$index.entries"
)

# same FOLDER: modes and times as in every other copy.
same() {
    find "$1" ! -type l -exec chmod u=rwX,go=rX {} +
    find "$1" -exec touch -h -d @315532800 {} +
    rm -rf "$work"
}

