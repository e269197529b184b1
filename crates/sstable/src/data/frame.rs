//! Finds the heads of partitions, rows and markers in a window, and remembers where they are.

use helenus_rows::{
    Bound, BoundKind, DeletionTime, Header, MarkerRef, RowBuf, RowRef, ShownKey, Unfiltered, UnfilteredFrame,
    read_unfiltered,
};
use helenus_types::{DecodeError, Reader, Token};

use super::window::Window;
use crate::deletion_time::{DeletionTimeForm, read_deletion_time};
use crate::error::SsTableError;
use crate::index::{Index, PartitionAt, SearchKey};

/// The head of a partition, in buffers that are used again for the next one.
#[derive(Debug)]
pub(crate) struct Head {
    /// Where the partition begins.
    pub(crate) start: u64,
    /// Where its first row or marker begins.
    pub(crate) body: u64,
    pub(crate) key: Vec<u8>,
    pub(crate) token: Token,
    pub(crate) deletion: DeletionTime,
    static_row: RowBuf,
    pub(super) has_static_row: bool,
}

impl Default for Head {
    fn default() -> Head {
        Head {
            start: 0,
            body: 0,
            key: Vec::new(),
            token: Token::MIN,
            deletion: DeletionTime::LIVE,
            static_row: RowBuf::default(),
            has_static_row: false,
        }
    }
}

impl Head {
    /// Reads the head of the partition that begins at `start`. `sought` is the known part of its
    /// key, for errors.
    pub(crate) fn read(
        &mut self,
        window: &mut Window,
        header: &Header,
        sought: &[u8],
        start: u64,
    ) -> Result<(), SsTableError> {
        self.has_static_row = false;
        self.read_key(window, header, sought, start)?;
        let at = start + 2 + self.key.len() as u64;
        self.body = self.read_deletion(window, header, at)?;
        if !header.statics.is_empty() {
            self.body = self.read_static_row(window, header, self.body, u64::MAX)?;
        }
        Ok(())
    }

    /// Reads only the key of the partition that begins at `start`.
    pub(crate) fn read_key(
        &mut self,
        window: &mut Window,
        header: &Header,
        sought: &[u8],
        start: u64,
    ) -> Result<(), SsTableError> {
        self.start = start;
        self.key.clear();
        window.need_in(start, 2, ShownKey::new(header, sought))?;
        let Some(&key_len) = window.at(start).first_chunk() else {
            unreachable!("the window holds the two bytes that were asked for")
        };
        let key_len = usize::from(u16::from_be_bytes(key_len));
        // With the first byte of the deletion, which decides its length.
        window.need_in(start, 2 + key_len + 1, ShownKey::new(header, sought))?;
        let Some(key) = window.at(start).get(2..2 + key_len) else {
            unreachable!("the window holds the key that was asked for")
        };
        self.key.extend_from_slice(key);
        self.token = header.partitioner.prefix(&self.key);
        Ok(())
    }

    /// Takes over what an index knows of a partition without static row. Its body begins somewhere
    /// after `start`.
    pub(crate) fn assign(&mut self, start: u64, key: &[u8], token: Token, deletion: DeletionTime) {
        self.start = start;
        self.body = start;
        self.key.clear();
        self.key.extend_from_slice(key);
        self.token = token;
        self.deletion = deletion;
        self.has_static_row = false;
    }

    /// Whether it is the head of the partition of `key`, which the index says to be at `at`; an
    /// error where the index was certain and it is another's.
    #[inline]
    pub(super) fn is_of(
        &self,
        key: &SearchKey,
        at: PartitionAt,
        window: &Window,
        header: &Header,
        index: &Index,
    ) -> Result<bool, SsTableError> {
        if self.key == key.key() {
            return Ok(true);
        }
        if at.is_certain { Err(other_key(key, at, window, header, index)) } else { Ok(false) }
    }

    /// The static row, unless it is empty.
    pub(crate) fn static_row<'a>(&'a self, header: &'a Header) -> Option<RowRef<'a>> {
        self.has_static_row.then(|| self.static_row.as_ref(header))
    }

    /// Reads the deletion at `at`; where it ends.
    pub(super) fn read_deletion(
        &mut self,
        window: &mut Window,
        header: &Header,
        at: u64,
    ) -> Result<u64, SsTableError> {
        let form = form_of(header);
        // Twelve bytes at most, but the file may end after the one byte for no deletion and the end
        // of the partition.
        if form == DeletionTimeForm::Legacy || window.at(at).first().is_none_or(|&first| first & 0x80 == 0) {
            window.need_in(at, 12, ShownKey::new(header, &self.key))?;
        }
        let mut reader = Reader::new(window.at(at));
        self.deletion = read_deletion_time(&mut reader, form)
            .map_err(|error| window.corrupt(at, error, ShownKey::new(header, &self.key)))?;
        Ok(at + reader.position() as u64)
    }

    /// Reads the static row at `at`, which takes bytes up to `limit` at most; where it ends.
    pub(super) fn read_static_row(
        &mut self,
        window: &mut Window,
        header: &Header,
        at: u64,
        limit: u64,
    ) -> Result<u64, SsTableError> {
        loop {
            let needed = match read_unfiltered(header, window.at(at), 0, true) {
                Ok(UnfilteredFrame::Unfiltered(Unfiltered::Row(row), end)) => {
                    self.has_static_row = !row
                        .is_empty()
                        .map_err(|error| window.corrupt(at, error, ShownKey::new(header, &self.key)))?;
                    self.static_row.assign(row);
                    return Ok(at + end as u64);
                }
                Ok(UnfilteredFrame::Incomplete(needed)) => needed,
                Ok(_) => {
                    let error = DecodeError::new(0, "a static row", "a marker or the end of the partition");
                    return Err(window.corrupt(at, error, ShownKey::new(header, &self.key)));
                }
                Err(error) => return Err(window.corrupt(at, error, ShownKey::new(header, &self.key))),
            };
            if at.saturating_add(needed as u64) > limit {
                let expected = format!("a static row that ends by {limit}");
                let error = DecodeError::new(0, expected, format!("one of at least {needed} bytes"));
                return Err(window.corrupt(at, error, ShownKey::new(header, &self.key)));
            }
            window.need_in(at, needed, ShownKey::new(header, &self.key))?;
        }
    }
}

#[cold]
fn other_key(
    key: &SearchKey,
    at: PartitionAt,
    window: &Window,
    header: &Header,
    index: &Index,
) -> SsTableError {
    let expected = format!("the partition that {} says", index.rows_component().name());
    window.corrupt(at.data, DecodeError::new(0, expected, "another key"), ShownKey::new(header, key.key()))
}

/// The form of fixed deletion times in files with such a header.
pub(crate) fn form_of(header: &Header) -> DeletionTimeForm {
    if header.capabilities.unsigned_deletion_times {
        DeletionTimeForm::Unsigned
    } else {
        DeletionTimeForm::Legacy
    }
}

/// The place of a row or marker, and its decoded first bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    /// Position in the data.
    pub(crate) start: u64,
    kind: ItemKind,
}

#[derive(Clone, Copy, Debug)]
enum ItemKind {
    Row { flags: u8, extended: u8, clustering_len: usize, body_at: usize, end: usize },
    Marker { kind: BoundKind, size: usize, values_len: usize, close: DeletionTime, open: DeletionTime },
}

/// The item at a place inside a partition.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A row or marker, and where the next one is.
    Item(Item, u64),
    /// The end of the partition, and where the next one begins.
    End(u64),
}

impl Item {
    pub(super) fn new(unfiltered: Unfiltered<'_>, start: u64, end: usize) -> Item {
        let kind = match unfiltered {
            Unfiltered::Row(row) => ItemKind::Row {
                flags: row.flags,
                extended: row.extended,
                clustering_len: row.clustering.len(),
                body_at: end - row.body.len(),
                end,
            },
            Unfiltered::Marker(marker) => ItemKind::Marker {
                kind: marker.bound.kind,
                size: marker.bound.size,
                values_len: marker.bound.values.len(),
                close: marker.close,
                open: marker.open,
            },
        };
        Item { start, kind }
    }

    /// Whether it is a row.
    #[inline]
    pub(crate) fn is_row(&self) -> bool {
        matches!(self.kind, ItemKind::Row { .. })
    }

    /// The deletion open after it, for a marker.
    pub(crate) fn open_after(&self) -> Option<DeletionTime> {
        match self.kind {
            ItemKind::Row { .. } => None,
            ItemKind::Marker { open, .. } => Some(open),
        }
    }

    /// The deletion open before it, for a marker.
    pub(crate) fn open_before(&self) -> Option<DeletionTime> {
        match self.kind {
            ItemKind::Row { .. } => None,
            ItemKind::Marker { close, .. } => Some(close),
        }
    }

    /// Distance from its start to its size.
    pub(super) fn sized_at(&self) -> usize {
        match self.kind {
            ItemKind::Row { flags, clustering_len, .. } => {
                1 + usize::from(flags & 0x80 != 0) + clustering_len
            }
            ItemKind::Marker { values_len, .. } => 4 + values_len,
        }
    }

    /// The row or marker itself, in the window that it was found in.
    #[inline]
    pub(crate) fn get<'a>(&self, header: &'a Header, window: &'a Window) -> Unfiltered<'a> {
        let bytes = window.at(self.start);
        let part = |from: usize, to: usize| {
            let Some(part) = bytes.get(from..to) else {
                unreachable!("the window holds the item at {} until it is asked for others", self.start)
            };
            part
        };
        match self.kind {
            ItemKind::Row { flags, extended, clustering_len, body_at, end } => {
                // An extended flags byte follows when there is anything in it, or when it says so.
                let at = 1 + usize::from(flags & 0x80 != 0);
                let (clustering, body) = (part(at, at + clustering_len), part(body_at, end));
                Unfiltered::Row(RowRef { header, flags, extended, clustering, body })
            }
            ItemKind::Marker { kind, size, values_len, close, open } => {
                let bound = Bound { kind, size, values: part(4, 4 + values_len) };
                Unfiltered::Marker(MarkerRef { bound, close, open })
            }
        }
    }
}

/// The item at `at`, inside the partition of `key`. Rows that hold nothing are skipped.
#[inline]
pub(crate) fn next_item(
    window: &mut Window,
    header: &Header,
    key: &[u8],
    mut at: u64,
) -> Result<Step, SsTableError> {
    loop {
        let needed = match read_unfiltered(header, window.at(at), 0, false) {
            Ok(UnfilteredFrame::Unfiltered(unfiltered, end)) => {
                let next = at + end as u64;
                if let Unfiltered::Row(row) = unfiltered
                    && row
                        .is_empty()
                        .map_err(|error| window.corrupt(at, error, ShownKey::new(header, key)))?
                {
                    at = next;
                    continue;
                }
                return Ok(Step::Item(Item::new(unfiltered, at, end), next));
            }
            Ok(UnfilteredFrame::EndOfPartition(end)) => return Ok(Step::End(at + end as u64)),
            Ok(UnfilteredFrame::Incomplete(needed)) => needed,
            Err(error) => return Err(window.corrupt(at, error, ShownKey::new(header, key))),
        };
        window.need_in(at, needed, ShownKey::new(header, key))?;
    }
}
