test "$TZ" = {{ options.zone | quote }}
test -f /usr/share/zoneinfo/"$TZ"
