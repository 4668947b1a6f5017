byobu --version
vim --version
nano --version
emacs --version
