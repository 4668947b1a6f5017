python3 -m pip show isaacsim | grep -x "Version: {{ options.version }}.*"
