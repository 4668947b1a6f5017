test "$(pixi --version)" = "pixi {{ options.version }}"
. /etc/profile.d/deps-pixi.sh
test "${PATH%%:*}" = "$HOME/.pixi/bin"
