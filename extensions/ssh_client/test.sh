ssh -V
