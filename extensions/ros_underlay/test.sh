# What colcon writes is not for `sh -u`.
set +u
. {{ out }}/setup.sh
case :$CMAKE_PREFIX_PATH: in
*:{{ out }}:*) ;;
*) exit 1 ;;
esac
{% for package in options.select %}
test -e {{ out }}/share/colcon-core/packages/{{ package | quote }}
{% endfor %}
