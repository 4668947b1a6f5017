test "$PULSE_SERVER" = unix:/tmp/.deps-pulse
/sbin/ldconfig -p | grep -q 'libpulse\.so\.0'
