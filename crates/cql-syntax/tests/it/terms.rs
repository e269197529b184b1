//! Random names, types, literals and terms: those that the parser can make.

use helenus_cql_syntax::{
    BinaryOperator, ColumnMeta, CqlType, Identifier, Literal, Marker, NativeType, QualifiedName, Term,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Names that are special somewhere.
const SPECIAL: [&str; 24] = [
    "select",
    "token",
    "true",
    "nan",
    "key",
    "json",
    "distinct",
    "as",
    "per",
    "ttl",
    "count",
    "cast",
    "writetime",
    "int",
    "date",
    "frozen",
    "map",
    "expr",
    "exists",
    "default",
    "compact",
    "keys",
    "P1D",
    "abcdef01",
];

pub(crate) fn identifier() -> BoxedStrategy<Identifier> {
    prop_oneof![
        4 => "[a-z][a-z0-9_]{0,6}".prop_map(Identifier::exact),
        2 => select(&SPECIAL[..]).prop_map(Identifier::exact),
        1 => "[a-zA-Z\"' .é]{0,5}".prop_map(Identifier::exact),
    ]
    .boxed()
}

pub(crate) fn qualified_name() -> BoxedStrategy<QualifiedName> {
    (option::of(identifier()), identifier())
        .prop_map(|(keyspace, name)| QualifiedName { keyspace, name })
        .boxed()
}

pub(crate) fn marker() -> BoxedStrategy<Marker> {
    option::of(identifier()).prop_map(|name| Marker { index: 0, name }).boxed()
}

pub(crate) fn cql_type() -> BoxedStrategy<CqlType> {
    let leaf = prop_oneof![
        3 => select(NativeType::all().collect::<Vec<_>>()).prop_map(CqlType::Native),
        1 => qualified_name().prop_map(CqlType::User),
        1 => text().prop_map(CqlType::Custom),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|t| CqlType::Frozen(Box::new(t))),
            inner.clone().prop_map(|t| CqlType::List(Box::new(t))),
            inner.clone().prop_map(|t| CqlType::Set(Box::new(t))),
            (inner.clone(), inner.clone()).prop_map(|(k, v)| CqlType::Map(Box::new(k), Box::new(v))),
            vec(inner.clone(), 1..3).prop_map(CqlType::Tuple),
            (inner, any::<i32>()).prop_map(|(t, n)| CqlType::Vector(Box::new(t), n)),
        ]
    })
    .boxed()
}

pub(crate) fn text() -> BoxedStrategy<String> {
    prop_oneof!["[a-z]{0,6}", "[a-z'\"$;\n*/é-]{0,6}"].boxed()
}

pub(crate) fn literal() -> BoxedStrategy<Literal> {
    prop_oneof![
        text().prop_map(Literal::String),
        "-?[0-9]{1,20}".prop_map(Literal::Integer),
        "-?[0-9]{1,3}\\.[0-9]{0,3}".prop_map(Literal::Float),
        "-?[0-9]{1,3}(\\.[0-9]{0,3})?[eE][+-]?[0-9]{1,2}".prop_map(Literal::Float),
        select(&["NaN", "Infinity", "-Infinity"][..]).prop_map(|text| Literal::Float(text.to_owned())),
        any::<bool>().prop_map(Literal::Boolean),
        any::<u128>().prop_map(Literal::Uuid),
        vec(any::<u8>(), 0..4).prop_map(Literal::Blob),
        select(&["1h30m", "-2mo", "5µs", "P1Y2M", "-PT5M", "P3W", "P0001-02-03T04:05:06"][..])
            .prop_map(|text| Literal::Duration(text.to_owned())),
    ]
    .boxed()
}

/// A term for the place of a value.
pub(crate) fn value() -> BoxedStrategy<Term> {
    constant().prop_recursive(3, 12, 3, |inner| operators(simple(inner, false))).boxed()
}

/// A term for a selection.
pub(crate) fn selected() -> BoxedStrategy<Term> {
    let leaf = prop_oneof![
        2 => identifier().prop_map(Term::Column),
        1 => constant(),
        1 => Just(Term::CountRows),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| operators(modified(simple(inner, true)))).boxed()
}

fn constant() -> BoxedStrategy<Term> {
    prop_oneof![
        4 => literal().prop_map(Term::Literal),
        1 => Just(Term::Null),
        1 => marker().prop_map(Term::Marker),
    ]
    .boxed()
}

/// Terms without operators and modifiers, made of any terms.
fn simple(inner: BoxedStrategy<Term>, in_selection: bool) -> BoxedStrategy<Term> {
    let is_name = |term: &Term| matches!(term, Term::Column(_));
    let leaf = if in_selection {
        prop_oneof![identifier().prop_map(Term::Column), constant(), meta()].boxed()
    } else {
        constant()
    };
    let unhinted = prop_oneof![
        2 => leaf,
        1 => vec(inner.clone(), 0..3).prop_map(Term::List),
        1 => vec(inner.clone(), 0..3).prop_map(Term::Set),
        1 => vec((inner.clone(), inner.clone()), 1..3)
            .prop_filter("fields", move |entries| !entries.iter().all(|(key, _)| is_name(key)))
            .prop_map(Term::Map),
        1 => vec((identifier(), inner.clone()), 1..3).prop_map(Term::Udt),
        1 => vec(inner.clone(), 1..3).prop_map(Term::Tuple),
        1 => (qualified_name(), vec(inner.clone(), 0..3))
            .prop_map(|(name, arguments)| Term::Function { name, arguments }),
        1 => (inner, select(NativeType::all().collect::<Vec<_>>())).prop_map(|(term, to)| Term::Cast { term: Box::new(term), to }),
    ]
    .boxed();
    // In a selection `(a) [1]` chooses an element of `(a)`; and `:` may belong to a map around
    // `(a) :b`.
    let hint = (cql_type(), unhinted.clone())
        .prop_filter("ambiguous", move |(cql_type, term)| match term {
            Term::List(_) => !in_selection || !matches!(cql_type, CqlType::User(_)),
            Term::Marker(Marker { name: Some(_), .. }) => false,
            _ => true,
        })
        .prop_map(|(cql_type, term)| Term::TypeHint { cql_type, term: Box::new(term) });
    prop_oneof![6 => unhinted, 1 => hint].boxed()
}

fn meta() -> BoxedStrategy<Term> {
    let metas = [ColumnMeta::WriteTime, ColumnMeta::MaxWriteTime, ColumnMeta::Ttl];
    (select(metas.to_vec()), modified(identifier().prop_map(Term::Column).boxed()))
        .prop_map(|(meta, of)| Term::ColumnMeta { meta, of: Box::new(of) })
        .boxed()
}

#[derive(Clone, Debug)]
enum Modifier {
    Field(Identifier),
    Element(Term),
    Slice(Option<Term>, Option<Term>),
}

fn modified(term: BoxedStrategy<Term>) -> BoxedStrategy<Term> {
    let modifier = prop_oneof![
        identifier().prop_map(Modifier::Field),
        constant().prop_map(Modifier::Element),
        (option::of(constant()), option::of(constant()))
            .prop_filter("no end", |(from, to)| from.is_some() || to.is_some())
            .prop_map(|(from, to)| Modifier::Slice(from, to)),
    ];
    let apply = |of: Term, modifier: Modifier| {
        let of = Box::new(of);
        match modifier {
            Modifier::Field(field) => Term::Field { of, field },
            Modifier::Element(key) => Term::Element { of, key: Box::new(key) },
            Modifier::Slice(from, to) => Term::Slice { of, from: from.map(Box::new), to: to.map(Box::new) },
        }
    };
    // `('a')[1]` is the list `[1]` with the hint of a class `a`.
    let is_class = |term: &Term| matches!(term, Term::Tuple(members) if matches!(members[..], [Term::Literal(Literal::String(_))]));
    let chosen = term.clone().prop_filter("a class", move |term| !is_class(term));
    let modified = (chosen, vec(modifier, 1..3))
        .prop_map(move |(term, modifiers)| modifiers.into_iter().fold(term, apply));
    prop_oneof![3 => term, 1 => modified].boxed()
}

/// Sums of products of signed operands: trees that need no parentheses.
fn operators(operand: BoxedStrategy<Term>) -> BoxedStrategy<Term> {
    let signed = prop_oneof![
        5 => operand.clone(),
        1 => operand.prop_map(|term| Term::Negation(Box::new(term))),
    ]
    .boxed();
    let product = chain(signed, &[BinaryOperator::Multiply, BinaryOperator::Divide, BinaryOperator::Modulo]);
    chain(product, &[BinaryOperator::Add, BinaryOperator::Subtract])
}

fn chain(operand: BoxedStrategy<Term>, operators: &[BinaryOperator]) -> BoxedStrategy<Term> {
    let more = vec((select(operators.to_vec()), operand.clone()), 1..3);
    let chained = (operand.clone(), more).prop_map(|(first, more)| {
        more.into_iter().fold(first, |left, (operator, right)| Term::Binary {
            operator,
            left: Box::new(left),
            right: Box::new(right),
        })
    });
    prop_oneof![4 => operand, 1 => chained].boxed()
}
