//! Every example is planned again and compared with what is committed.
