# `conda activate` is a function of the shell.
. {{ out }}/etc/profile.d/conda.sh
