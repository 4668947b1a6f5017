# The environment stands where it will be used: its programs name the interpreter by that path.
RUN python3 -m venv --system-site-packages {{ out }} \
{% if options.requirements %}
    && {{ out }}/bin/pip install --no-compile --require-hashes --requirement /deps/in/requirements/* \
{% endif %}
{% if options.packages %}
    && {{ out }}/bin/pip install --no-compile {{ options.packages | join(" ") }} \
{% endif %}
    && find {{ out }} -name __pycache__ -prune -exec rm -r {} +
