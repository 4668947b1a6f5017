conda --version
test "$(conda info --base)" = "$CONDA_DIR"
. /etc/profile.d/deps-conda.sh
conda activate base
test "$CONDA_PREFIX" = "$CONDA_DIR"
