test "$XAUTHORITY" = /tmp/.deps-xauthority
test "$QT_X11_NO_MITSHM" = 1
