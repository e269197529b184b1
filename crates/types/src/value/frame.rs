//! The frames around nested values: lengths written before their end is known, counts, the order of
//! sets and maps.

use crate::{Reader, Type, ValueError, vint};

/// Room for a length or a count, and where it is.
pub(crate) fn begin_element(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    start
}

/// Writes the length of what has been appended since [`begin_element`].
pub(crate) fn end_element(ty: &Type, out: &mut [u8], start: usize) -> Result<(), ValueError> {
    let len =
        i32::try_from(out.len() - start - 4).map_err(|_too_long| ValueError::new(ty, "longer than 2 GiB"))?;
    patch(out, start, len);
    Ok(())
}

/// A null in the place of an element.
pub(crate) fn null_element(out: &mut Vec<u8>) {
    out.extend_from_slice(&(-1i32).to_be_bytes());
}

pub(crate) fn patch(out: &mut [u8], start: usize, number: i32) {
    if let Some(room) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
        *room = number.to_be_bytes();
    }
}

/// Appends a vector's element: bare if all have one length, otherwise after its length.
pub(crate) fn vector_element(
    ty: &Type,
    element: &Type,
    value: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    match element.fixed_len() {
        Some(len) if len != value.len() => return Err(ValueError::new(ty, "an empty element")),
        Some(_) => (),
        None => vint::write_unsigned(out, value.len() as u64),
    }
    out.extend_from_slice(value);
    Ok(())
}

/// Puts the elements of the set that begins at `start` into their order, each once.
pub(crate) fn finish_set(element: &Type, out: &mut Vec<u8>, start: usize) {
    finish(element, 1, out, start);
}

/// Puts the entries of the map that begins at `start` into the order of their keys. Of several with
/// one key the last stays.
pub(crate) fn finish_map(key: &Type, out: &mut Vec<u8>, start: usize) {
    finish(key, 2, out, start);
}

fn finish(key: &Type, parts: usize, out: &mut Vec<u8>, start: usize) {
    let body = start + 4;
    if is_sorted(key, parts, out.get(body..).unwrap_or_default()) {
        return;
    }
    let copy = out.split_off(body);
    let mut entries: Vec<Entry<'_>> = Entries { reader: Reader::new(&copy), parts }.collect();
    // The sort is stable: the last of equal ones is the last written.
    entries.sort_by(|a, b| key.compare(a.key, b.key));
    let mut count = 0;
    let mut rest = entries.iter().peekable();
    while let Some(entry) = rest.next() {
        if rest.peek().is_none_or(|next| key.compare(entry.key, next.key).is_ne()) {
            out.extend_from_slice(entry.whole);
            count += 1;
        }
    }
    patch(out, start, count);
}

fn is_sorted(key: &Type, parts: usize, body: &[u8]) -> bool {
    Entries { reader: Reader::new(body), parts }.is_sorted_by(|a, b| key.compare(a.key, b.key).is_lt())
}

struct Entry<'a> {
    key: &'a [u8],
    whole: &'a [u8],
}

struct Entries<'a> {
    reader: Reader<'a>,
    parts: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let before = self.reader;
        let key = self.reader.i32_bytes().ok()?;
        for _ in 1..self.parts {
            self.reader.i32_bytes().ok()?;
        }
        let whole = before.rest().get(..self.reader.position() - before.position())?;
        Some(Entry { key, whole })
    }
}
