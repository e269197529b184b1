//! The text of a term in errors and names (`Term.Raw.getText`): strings in quotes that aren't
//! doubled, `NULL`, and a hint right before its term.

use helenus_cql_syntax::{Literal, Term};

/// The text of a term as Cassandra keeps it.
pub(crate) fn text(term: &Term) -> String {
    let join = |terms: &[Term]| terms.iter().map(text).collect::<Vec<_>>().join(", ");
    match term {
        Term::Null => "NULL".to_owned(),
        Term::Literal(Literal::String(text)) => format!("'{text}'"),
        Term::List(terms) => format!("[{}]", join(terms)),
        Term::Set(terms) => format!("{{{}}}", join(terms)),
        Term::Tuple(terms) => format!("({})", join(terms)),
        Term::Map(entries) => {
            let each = entries.iter().map(|(key, value)| format!("{}: {}", text(key), text(value)));
            format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
        }
        Term::Udt(fields) => {
            let each = fields.iter().map(|(name, value)| format!("{name}: {}", text(value)));
            format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
        }
        Term::TypeHint { cql_type, term } => format!("({cql_type}){}", text(term)),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn texts_are_those_of_cassandra() {
        for (cql, expected) in [
            ("null", "NULL"),
            ("'it''s'", "'it's'"),
            ("[1, 'it''s']", "[1, 'it's']"),
            ("{'a': null}", "{'a': NULL}"),
            ("{x: 'it''s', y: (1, ?)}", "{x: 'it's', y: (1, ?)}"),
            ("(int) 1", "(int)1"),
            ("now()", "now()"),
        ] {
            assert_eq!(text(&helenus_cql_syntax::parse_term(cql).unwrap()), expected);
        }
    }
}
