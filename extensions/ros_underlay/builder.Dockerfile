# The sources are copied: setup.py, and some CMake files, write beside themselves.
RUN mkdir -p /tmp/underlay/src {{ out }} \
    && if [ -d /deps/in/src ]; then cp -R /deps/in/src/. /tmp/underlay/src; fi \
    && cd /tmp/underlay \
{% if options.distro != "none" %}
    && . /opt/ros/{{ options.distro }}/setup.sh \
{% endif %}
    && CCACHE_DIR=/root/.ccache PYTHONDONTWRITEBYTECODE=1 \
        colcon --log-base /dev/null build --base-paths src --merge-install --install-base {{ out }} \
        --event-handlers console_cohesion+ desktop_notification- terminal_title- \
{% if options.select %}
        --packages-up-to {{ options.select | join(" ") }} \
{% endif %}
{% if options.skip %}
        --packages-skip {{ options.skip | join(" ") }} \
{% endif %}
        --cmake-args --no-warn-unused-cli -DBUILD_TESTING=OFF \
        -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
{% for definition in options.cmake %}
        -D{{ definition | quote }} \
{% endfor %}
    && for folder in {{ out }}/lib/python3*/*-packages {{ out }}/local/lib/python3*/*-packages; do \
        if [ -d "$folder" ]; then ln -sfn "$folder" {{ out }}/python; fi; \
    done \
    && find {{ out }} -name __pycache__ -prune -exec rm -r {} + \
    && chmod -R u=rwX,go=rX {{ out }} \
    && rm -r /tmp/underlay
