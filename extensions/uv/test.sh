uv --version
uvx --version
