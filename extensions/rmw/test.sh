test -e "/opt/ros/{{ options.distro }}/lib/lib$RMW_IMPLEMENTATION.so"
