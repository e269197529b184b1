//! Literals, terms and what can be selected.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use helenus_types::Hex;

use super::{CqlType, Identifier, NativeType, QualifiedName};

/// A constant. Numbers and durations are kept as text, because only the type of the column says
/// what they become.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Literal {
    /// `'text'` or `$$text$$`, without quotes and with doubled quotes undone.
    String(String),
    /// Decimal digits, with `-` before them where negative.
    Integer(String),
    /// A number with a point or an exponent as it was written, or `NaN`, `Infinity`, `-Infinity`.
    Float(String),
    /// `true` or `false`.
    Boolean(bool),
    /// The sixteen bytes of a uuid, the first written first in the highest bits.
    Uuid(u128),
    /// The bytes of `0x…`.
    Blob(Vec<u8>),
    /// The digits of `0x…` where their number is odd: they stand for no bytes.
    OddBlob(String),
    /// A duration as it was written, for example `1h30m`, `-P1Y2M`.
    Duration(String),
}

/// A place for a value that comes with the execution.
///
/// Markers that are written the same are equal, wherever they stand.
#[derive(Clone, Debug)]
pub struct Marker {
    /// How many markers stand before it in the statement (a batch is one statement).
    pub index: usize,
    /// `name` of `:name`; none of `?`.
    pub name: Option<Identifier>,
}

/// A value, or an expression for one.
///
/// The variants from [`Column`](Self::Column) on, and [`CountRows`](Self::CountRows), stand only in
/// what `SELECT` selects or groups by; the parser refuses them elsewhere.
///
/// CQL has no parentheses for grouping outside of selections, and there it reads them as a tuple of
/// one. A tree that would need them (a product of sums without such a tuple) is not made by the
/// parser and does not survive printing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub enum Term {
    /// A constant.
    Literal(Literal),
    /// `null`
    Null,
    /// `?` or `:name`
    Marker(Marker),
    /// `[a, b]`, the value of a list or a vector.
    List(Vec<Term>),
    /// `{a, b}`. `{}` is an empty set here and may mean an empty map.
    Set(Vec<Term>),
    /// `{a: b, c: d}`, never empty.
    Map(Vec<(Term, Term)>),
    /// `{field: a, other: b}`, never empty. In a selection this may also be a map whose keys are
    /// columns.
    Udt(Vec<(Identifier, Term)>),
    /// `(a, b)`, never empty. In a selection, one term in parentheses is that term.
    Tuple(Vec<Term>),
    /// `name(a, b)`
    Function {
        /// The function.
        name: QualifiedName,
        arguments: Vec<Term>,
    },
    /// `CAST(term AS type)`
    Cast {
        /// The term to convert.
        term: Box<Term>,
        /// The type of the result.
        to: NativeType,
    },
    /// `(type) term`: says which type a term has, without converting it.
    TypeHint {
        cql_type: CqlType,
        /// The term, without an operator.
        term: Box<Term>,
    },
    /// `-term`
    Negation(Box<Term>),
    /// `left operator right`
    Binary {
        operator: BinaryOperator,
        /// The operand before it.
        left: Box<Term>,
        /// The operand after it.
        right: Box<Term>,
    },
    /// `count(*)`
    CountRows,
    Column(Identifier),
    /// `of.field`
    Field {
        /// The value of a user defined type.
        of: Box<Term>,
        field: Identifier,
    },
    /// `of[key]`
    Element {
        /// The collection.
        of: Box<Term>,
        /// The key, index or element.
        key: Box<Term>,
    },
    /// `of[from..to]`, where at least one end is given.
    Slice {
        /// The collection.
        of: Box<Term>,
        /// The first key, included.
        from: Option<Box<Term>>,
        /// The last key, included.
        to: Option<Box<Term>>,
    },
    /// `writetime(column)` and its kin.
    ColumnMeta {
        /// The property.
        meta: ColumnMeta,
        /// The column, or an element, slice or field of it.
        of: Box<Term>,
    },
}

/// A property of a column that can be selected besides its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnMeta {
    /// `writetime(…)`
    WriteTime,
    /// `maxwritetime(…)`
    MaxWriteTime,
    /// `ttl(…)`
    Ttl,
}

/// An operator between two terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOperator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
}

impl PartialEq for Marker {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Marker {}

impl Hash for Marker {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Literal {
    /// The text of the constant without quotes, as options of tables read it (Cassandra's
    /// `getRawText`): `false`, `'false'` and `$$false$$` are the same option.
    #[must_use]
    pub fn raw_text(&self) -> Cow<'_, str> {
        match self {
            Self::String(text) | Self::Integer(text) | Self::Float(text) | Self::Duration(text) => {
                text.into()
            }
            Self::Boolean(value) => if *value { "true" } else { "false" }.into(),
            Self::Uuid(value) => uuid_text(*value).into(),
            Self::Blob(bytes) => format!("0x{}", Hex(bytes)).into(),
            Self::OddBlob(digits) => format!("0x{digits}").into(),
        }
    }
}

impl ColumnMeta {
    /// The word of CQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WriteTime => "writetime",
            Self::MaxWriteTime => "maxwritetime",
            Self::Ttl => "ttl",
        }
    }
}

impl BinaryOperator {
    /// The sign.
    #[must_use]
    pub fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Subtract => '-',
            Self::Multiply => '*',
            Self::Divide => '/',
            Self::Modulo => '%',
        }
    }
}

fn uuid_text(value: u128) -> String {
    let mut text = format!("{value:032x}");
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    text
}
