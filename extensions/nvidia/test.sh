ldconfig -p | grep -q libEGL.so.1
ldconfig -p | grep -q libGL.so.1
