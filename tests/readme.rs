//! The README's blocks are run.
