if [ -n "${BASH_VERSION:-}" ]; then
    . /opt/ros/{{ options.distro }}/setup.bash
else
    . /opt/ros/{{ options.distro }}/setup.sh
fi
