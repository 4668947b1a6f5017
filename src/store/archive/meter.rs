//! A reader that ends with an error when more is read than is allowed at the moment: against headers that would fill
//! the memory of whoever keeps them.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// Reads as `inner` does, while the allowance lasts.
pub(super) struct Meter<R> {
    inner: R,
    allowance: Rc<Cell<u64>>,
}

/// Returns a reader of `inner`, and the number of bytes that it may still read, to be set from outside.
pub(super) fn metered<R>(inner: R, allowance: u64) -> (Meter<R>, Rc<Cell<u64>>) {
    let allowance = Rc::new(Cell::new(allowance));
    (Meter { inner, allowance: Rc::clone(&allowance) }, allowance)
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        let left = self.allowance.get().checked_sub(length as u64);
        self.allowance.set(left.ok_or_else(|| io::Error::other("a header in it is too long"))?);
        Ok(length)
    }
}

impl<R: Seek> Seek for Meter<R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.inner.seek(position)
    }
}
