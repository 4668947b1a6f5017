# The environment stands where it will be used: its programs name the interpreter by that path.
RUN python3 -m venv --system-site-packages {{ out }} \
    && {{ out }}/bin/pip install --no-compile --extra-index-url https://pypi.nvidia.com \
        'isaacsim[all,extscache]=={{ options.version }}' \
    && find {{ out }} -name __pycache__ -prune -exec rm -r {} +
