//! Clusterings and bounds: their bytes, their order, their byte-comparable form.
//!
//! Layout of `n` values (`db.ClusteringPrefix.Serializer`), in batches of 32:
//!
//! ```text
//! header  uvint   two bits a value: 01 empty, 10 null, 00 present
//! value*  the present ones: raw where the type fixes the length, else uvint length + bytes
//! ```
//!
//! Nothing is written for `n` = 0. Reversed columns are encoded as if they were not.

use std::cmp::Ordering;
use std::sync::Arc;

use helenus_types::{DecodeError, Type, vint};

/// Kinds of range tombstone markers, with Cassandra's ordinals (`db.ClusteringPrefix.Kind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BoundKind {
    /// Closes a range just before the position.
    ExclEnd = 0,
    /// Opens a range just before the position.
    InclStart = 1,
    /// Closes one and opens the next just before the position.
    ExclEndInclStart = 2,
    /// Closes one and opens the next just after the position.
    InclEndExclStart = 5,
    /// Closes a range just after the position.
    InclEnd = 6,
    /// Opens a range just after the position.
    ExclStart = 7,
}

impl BoundKind {
    /// The kind with that ordinal.
    pub fn from_ordinal(ordinal: u8) -> Option<Self> {
        Some(match ordinal {
            0 => Self::ExclEnd,
            1 => Self::InclStart,
            2 => Self::ExclEndInclStart,
            5 => Self::InclEndExclStart,
            6 => Self::InclEnd,
            7 => Self::ExclStart,
            _ => return None,
        })
    }

    /// Whether it closes one range and opens another.
    #[inline]
    pub fn is_boundary(self) -> bool {
        matches!(self, Self::ExclEndInclStart | Self::InclEndExclStart)
    }

    /// Whether a range is open after it, in clustering order.
    #[inline]
    pub fn opens(self) -> bool {
        !matches!(self, Self::ExclEnd | Self::InclEnd)
    }

    /// Whether a range is open before it, in clustering order.
    #[inline]
    pub fn closes(self) -> bool {
        !matches!(self, Self::InclStart | Self::ExclStart)
    }

    /// Whether the bound is before or after the rows with equal values.
    #[inline]
    pub fn side(self) -> PositionKind {
        match self {
            Self::ExclEnd | Self::InclStart | Self::ExclEndInclStart => PositionKind::Before,
            Self::InclEndExclStart | Self::InclEnd | Self::ExclStart => PositionKind::After,
        }
    }

    /// The start bound on that side.
    #[inline]
    pub fn start(side: PositionKind) -> Self {
        if side == PositionKind::After { Self::ExclStart } else { Self::InclStart }
    }

    /// The end bound on that side.
    #[inline]
    pub fn end(side: PositionKind) -> Self {
        if side == PositionKind::After { Self::InclEnd } else { Self::ExclEnd }
    }

    /// The boundary on that side.
    #[inline]
    pub fn boundary(side: PositionKind) -> Self {
        if side == PositionKind::After { Self::InclEndExclStart } else { Self::ExclEndInclStart }
    }
}

/// Where a position is among the rows that begin with its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PositionKind {
    /// Before all of them.
    Before,
    /// At the row itself.
    Row,
    /// After all of them.
    After,
}

/// A place in clustering order: a row, or just before or after a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position<'a> {
    /// Side of the values.
    pub kind: PositionKind,
    /// Number of values, at most the number of clustering columns.
    pub size: usize,
    /// Encoded values.
    pub values: &'a [u8],
}

impl<'a> Position<'a> {
    /// Before every row.
    pub const BOTTOM: Position<'static> = Position { kind: PositionKind::Before, size: 0, values: &[] };
    /// After every row.
    pub const TOP: Position<'static> = Position { kind: PositionKind::After, size: 0, values: &[] };

    /// Position of the row with those clustering values (all of them).
    #[inline]
    pub fn row(comparator: &ClusteringComparator, values: &'a [u8]) -> Self {
        Self { kind: PositionKind::Row, size: comparator.len(), values }
    }
}

/// One end of a range of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound<'a> {
    /// Kind; a boundary is a bound of two ranges.
    pub kind: BoundKind,
    /// Number of values.
    pub size: usize,
    /// Encoded values.
    pub values: &'a [u8],
}

impl<'a> Bound<'a> {
    /// The start of everything.
    pub const BOTTOM: Bound<'static> = Bound { kind: BoundKind::InclStart, size: 0, values: &[] };
    /// The end of everything.
    pub const TOP: Bound<'static> = Bound { kind: BoundKind::InclEnd, size: 0, values: &[] };

    /// Its place in clustering order.
    #[inline]
    pub fn position(&self) -> Position<'a> {
        Position { kind: self.kind.side(), size: self.size, values: self.values }
    }
}

/// Order of a table's clusterings (`db.ClusteringComparator`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusteringComparator {
    types: Arc<[Type]>,
    fixed: Arc<[Option<usize>]>,
}

impl ClusteringComparator {
    /// Order by those types, reversed ones among them.
    pub fn new(types: Vec<Type>) -> Self {
        let fixed = types.iter().map(Type::fixed_len).collect();
        Self { types: types.into(), fixed }
    }

    /// Types of the clustering columns.
    #[inline]
    pub fn types(&self) -> &[Type] {
        &self.types
    }

    /// Number of clustering columns.
    #[inline]
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether the table has no clustering columns.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// The values of an encoded clustering or bound of `size` values.
    #[inline]
    pub fn components<'a>(&'a self, values: &'a [u8], size: usize) -> Components<'a> {
        Components { fixed: &self.fixed, buf: values, pos: 0, index: 0, size, header: 0 }
    }

    /// Where `size` encoded values that begin at `pos` end; `None` when `buf` ends before they do.
    ///
    /// # Errors
    /// When `size` exceeds the clustering columns, or a length is impossible.
    pub fn frame(&self, buf: &[u8], pos: usize, size: usize) -> Result<Option<usize>, DecodeError> {
        if size > self.len() {
            return Err(DecodeError::new(
                pos as u64,
                format!("at most {} clustering values", self.len()),
                size.to_string(),
            ));
        }
        let Some(values) = buf.get(pos..) else { return Ok(None) };
        let mut components = self.components(values, size);
        for _ in 0..size {
            if components.advance().is_none() {
                return Ok(None);
            }
        }
        Ok(Some(pos + components.pos))
    }

    /// Order of two positions (`ClusteringComparator.compare`): by their common values; then the
    /// shorter one decides by its side; then by side.
    #[inline]
    pub fn compare(&self, a: Position<'_>, b: Position<'_>) -> Ordering {
        let order = self.compare_values(a.values, a.size, b.values, b.size);
        if order != Ordering::Equal {
            return order;
        }
        match a.size.cmp(&b.size) {
            Ordering::Equal => a.kind.cmp(&b.kind),
            Ordering::Less if a.kind == PositionKind::Before => Ordering::Less,
            Ordering::Less => Ordering::Greater,
            Ordering::Greater if b.kind == PositionKind::Before => Ordering::Greater,
            Ordering::Greater => Ordering::Less,
        }
    }

    /// Order of two rows by their encoded clusterings.
    #[inline]
    pub fn compare_rows(&self, a: &[u8], b: &[u8]) -> Ordering {
        self.compare_values(a, self.len(), b, self.len())
    }

    fn compare_values(&self, a: &[u8], a_size: usize, b: &[u8], b_size: usize) -> Ordering {
        let common = a_size.min(b_size);
        let mut left = self.components(a, a_size);
        let mut right = self.components(b, b_size);
        for ty in self.types.iter().take(common) {
            let (Some(x), Some(y)) = (left.advance(), right.advance()) else { return Ordering::Equal };
            // A null sorts first whatever the column's direction (`compareComponent`).
            let order = match (x, y) {
                (Some(x), Some(y)) => ty.compare(x, y),
                (x, y) => x.is_some().cmp(&y.is_some()),
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }

    /// The first eight bytes of an order-preserving form: `a < b` implies `prefix(a) <= prefix(b)`.
    #[inline]
    pub fn prefix64(&self, values: &[u8]) -> u64 {
        let Some(ty) = self.types.first() else { return 0 };
        match self.components(values, 1).advance() {
            Some(Some(value)) => ty.prefix64(value),
            _ => 0,
        }
    }

    /// Appends the byte-comparable form, version OSS50 (`ClusteringComparator.asByteComparable`).
    pub fn comparable(&self, position: Position<'_>, out: &mut Vec<u8>) {
        let mut components = self.components(position.values, position.size);
        for ty in self.types.iter().take(position.size) {
            match components.advance() {
                None => break,
                Some(None) => out.push(0x3E),
                Some(Some(value)) => {
                    let at = out.len();
                    out.push(0x40);
                    if !ty.comparable(value, out) {
                        out.truncate(at);
                        out.push(if ty.is_reversed() { 0x41 } else { 0x3F });
                    }
                }
            }
        }
        out.push(match position.kind {
            PositionKind::Before => 0x20,
            PositionKind::Row => 0x38,
            PositionKind::After => 0x60,
        });
    }
}

/// The values of an encoded clustering: `Some(None)` is a null, an empty slice an empty value.
#[derive(Debug)]
pub struct Components<'a> {
    fixed: &'a [Option<usize>],
    buf: &'a [u8],
    pos: usize,
    index: usize,
    size: usize,
    header: u64,
}

impl<'a> Components<'a> {
    #[inline]
    fn advance(&mut self) -> Option<Option<&'a [u8]>> {
        let in_batch = self.index % 32;
        if in_batch == 0 {
            let (header, len) = vint::read_unsigned(self.buf.get(self.pos..)?)?;
            self.header = header;
            self.pos += len;
        }
        let fixed = *self.fixed.get(self.index)?;
        let bits = (self.header >> (2 * in_batch)) & 3;
        self.index += 1;
        if bits != 0 {
            return Some(if bits & 2 != 0 { None } else { Some(&[]) });
        }
        let len = match fixed {
            Some(len) => len,
            None => {
                let (len, used) = vint::read_unsigned(self.buf.get(self.pos..)?)?;
                self.pos += used;
                usize::try_from(len).ok()?
            }
        };
        let value = self.buf.get(self.pos..self.pos.checked_add(len)?)?;
        self.pos += len;
        Some(Some(value))
    }
}

impl<'a> Iterator for Components<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.index >= self.size { None } else { self.advance() }
    }
}

/// Appends the encoding of `values` (`None` is null), in the order of `types`.
pub fn encode_clustering(types: &[Type], values: &[Option<&[u8]>], out: &mut Vec<u8>) {
    for (batch, types) in values.chunks(32).zip(types.chunks(32)) {
        let header = batch.iter().enumerate().fold(0u64, |header, (i, value)| match value {
            None => header | 2 << (2 * i),
            Some([]) => header | 1 << (2 * i),
            Some(_) => header,
        });
        vint::write_unsigned(out, header);
        for (value, ty) in batch.iter().zip(types) {
            if let Some(value) = value
                && !value.is_empty()
            {
                if ty.fixed_len().is_none() {
                    vint::write_unsigned(out, value.len() as u64);
                }
                out.extend_from_slice(value);
            }
        }
    }
}
