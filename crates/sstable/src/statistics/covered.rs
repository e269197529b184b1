//! The slice of clusterings that a table covers, in both of its forms: lists of values, and a
//! slice.

use helenus_rows::{Bound, BoundKind, ClusteringComparator, encode_clustering};
use helenus_types::{DecodeError, Reader, Type};

use super::parts::{count, decode_types, encode_types, put_u32};

/// The slice of clusterings that holds every row and range tombstone of the table.
///
/// ```text
/// values  before `oa`: i32 n, n × u16 bytes, for min and for max; a null ends the list
/// slice   from `oa` on: uvint n, n × type string (uvint bytes); start bound, end bound
/// bound   kind u8, size u16, values encoded as in Data.db
/// ```
///
/// An empty table, or one of nothing but partition deletions and static rows, has the empty slice
/// `07 0000 00 0000`; rows without clustering columns have `01 0000 06 0000`, everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoveredClusterings {
    /// Start, an inclusive or exclusive one.
    pub start: CoveredBound,
    /// End, an inclusive or exclusive one.
    pub end: CoveredBound,
}

/// A bound of [`CoveredClusterings`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoveredBound {
    /// Whether rows that begin with the values are covered.
    pub inclusive: bool,
    /// Values of the first clustering columns: all, or fewer; `None` is null.
    pub values: Vec<Option<Vec<u8>>>,
}

const EXCL_END: u8 = BoundKind::ExclEnd as u8;
const INCL_START: u8 = BoundKind::InclStart as u8;
const INCL_END: u8 = BoundKind::InclEnd as u8;
const EXCL_START: u8 = BoundKind::ExclStart as u8;

impl CoveredBound {
    /// A copy of a start or end bound.
    pub(super) fn copied(bound: Bound<'_>, comparator: &ClusteringComparator) -> CoveredBound {
        let values = comparator.components(bound.values, bound.size);
        CoveredBound {
            inclusive: matches!(bound.kind, BoundKind::InclStart | BoundKind::InclEnd),
            values: values.map(|value| value.map(<[u8]>::to_vec)).collect(),
        }
    }

    fn open(inclusive: bool) -> CoveredBound {
        CoveredBound { inclusive, values: Vec::new() }
    }
}

impl CoveredClusterings {
    /// All clusterings: what a table covers whose bounds are not known or not to be trusted.
    #[must_use]
    pub fn all() -> CoveredClusterings {
        CoveredClusterings { start: CoveredBound::open(true), end: CoveredBound::open(true) }
    }

    /// No clustering.
    #[must_use]
    pub fn nothing() -> CoveredClusterings {
        CoveredClusterings { start: CoveredBound::open(false), end: CoveredBound::open(false) }
    }

    /// Whether nothing is covered.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == CoveredClusterings::nothing()
    }

    pub(super) fn decode_values(reader: &mut Reader<'_>) -> Result<CoveredClusterings, DecodeError> {
        let mut bound = || -> Result<CoveredBound, DecodeError> {
            let count = count(reader, u64::from(reader.clone().u32()?), 2)?;
            reader.skip(4)?;
            let values = (0..count).map(|_| Ok(Some(reader.u16_bytes()?.to_vec())));
            Ok(CoveredBound { inclusive: true, values: values.collect::<Result<_, DecodeError>>()? })
        };
        Ok(CoveredClusterings { start: bound()?, end: bound()? })
    }

    pub(super) fn encode_values(&self, out: &mut Vec<u8>) {
        for bound in [&self.start, &self.end] {
            // A bound of fewer values covers more. One of 64 KiB has no place in the file, and
            // would cover less if it were cut.
            let values = bound.values.iter().map_while(|value| {
                let value = value.as_ref()?;
                Some((u16::try_from(value.len()).ok()?, value))
            });
            out.extend_from_slice(&put_u32(values.clone().count()));
            for (len, value) in values {
                out.extend_from_slice(&len.to_be_bytes());
                out.extend_from_slice(value);
            }
        }
    }

    /// The clustering types and the slice.
    pub(super) fn decode_slice(
        reader: &mut Reader<'_>,
    ) -> Result<(Vec<String>, CoveredClusterings), DecodeError> {
        let at = *reader;
        let types = decode_types(reader)?;
        let Some(parsed) = parsed(&types) else {
            return Err(at.error("clustering types", types.join(", ")));
        };
        let comparator = ClusteringComparator::new(parsed);
        let start = decode_bound(reader, &comparator, [INCL_START, EXCL_START])?;
        let end = decode_bound(reader, &comparator, [INCL_END, EXCL_END])?;
        Ok((types, CoveredClusterings { start, end }))
    }

    /// Types that are none cannot encode a value: they are left out, and all clusterings are
    /// covered.
    pub(super) fn encode_slice(&self, out: &mut Vec<u8>, types: &[String]) {
        let Some(parsed) = parsed(types) else {
            return CoveredClusterings::all().encode_slice(out, &[]);
        };
        encode_types(out, types);
        let start = if self.start.inclusive { INCL_START } else { EXCL_START };
        encode_bound(out, start, &parsed, &self.start);
        let end = if self.end.inclusive { INCL_END } else { EXCL_END };
        encode_bound(out, end, &parsed, &self.end);
    }
}

/// A bound of one of the two `kinds`, the inclusive one first.
fn decode_bound(
    reader: &mut Reader<'_>,
    comparator: &ClusteringComparator,
    [inclusive, exclusive]: [u8; 2],
) -> Result<CoveredBound, DecodeError> {
    let at = *reader;
    let kind = reader.u8()?;
    if ![inclusive, exclusive].contains(&kind) {
        return Err(at.error(format!("a bound of kind {inclusive} or {exclusive}"), format!("{kind}")));
    }
    let size = usize::from(reader.u16()?);
    let rest = reader.rest();
    let frame = comparator.frame(rest, 0, size).map_err(|error| error.shifted(reader.position() as u64))?;
    let Some(len) = frame else {
        return Err(reader.error(format!("{size} clustering values"), "the end of the data"));
    };
    let values = comparator.components(reader.take(len)?, size);
    Ok(CoveredBound {
        inclusive: kind == inclusive,
        values: values.map(|value| value.map(<[u8]>::to_vec)).collect(),
    })
}

fn encode_bound(out: &mut Vec<u8>, kind: u8, types: &[Type], bound: &CoveredBound) {
    let values: Vec<Option<&[u8]>> = bound.values.iter().take(types.len()).map(Option::as_deref).collect();
    out.push(kind);
    out.extend_from_slice(&u16::try_from(values.len()).unwrap_or(u16::MAX).to_be_bytes());
    encode_clustering(types, &values, out);
}

/// The types of those classes.
fn parsed(types: &[String]) -> Option<Vec<Type>> {
    types.iter().map(|class| Type::parse_class(class).ok()).collect()
}
