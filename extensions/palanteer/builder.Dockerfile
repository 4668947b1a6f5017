# The viewer alone: the rest of the repository is for the programs that are profiled.
RUN cmake -S /deps/in/src -B /tmp/build -D CMAKE_BUILD_TYPE=Release -D PALANTEER_BUILD_CPP_EXAMPLE=OFF \
        -D PALANTEER_BUILD_PYTHON_INSTRUMENTATION=OFF -D PALANTEER_BUILD_SERVER_SCRIPTING=OFF \
    && cmake --build /tmp/build --target palanteer \
        --parallel {% if options.jobs %}{{ options.jobs }}{% else %}"$(nproc)"{% endif %} \
    && install -D -m 755 -s -t {{ out }}/bin /tmp/build/bin/palanteer
