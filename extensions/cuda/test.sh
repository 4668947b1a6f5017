test -d "$CUDA_HOME"
if command -v nvcc; then
    nvcc --version | grep -F "release {{ options.version }}"
fi
