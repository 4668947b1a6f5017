test "$(urdf-viz --version)" = "urdf-viz {{ options.version }}"
