test "$ROS_DISTRO" = {{ options.distro }}
rosdep --version
if command -v ros2; then
    ros2 pkg list > packages || cat packages
    grep -qx ament_index_python packages
fi
# What the packages set is not written for `sh -u`.
set +u
. /opt/ros/{{ options.distro }}/setup.sh
test "$ROS_DISTRO" = {{ options.distro }}
