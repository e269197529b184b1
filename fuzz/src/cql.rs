//! Text: CQL and the names of types.

use helenus_cql_syntax::{CqlType, parse_statements, parse_type};
use helenus_types::Type;

/// A script. What was parsed is printed, and parsed as the same.
pub fn cql_schema(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(statements) = parse_statements(text) else { return };
    for statement in statements {
        let printed = statement.to_string();
        let again = helenus_cql_syntax::parse_statement(&printed)
            .unwrap_or_else(|error| panic!("{printed:?} of {text:?}: {error}"));
        assert_eq!(again.to_string(), printed, "of {text:?}");
    }
}

/// A name of a type, as a class and in CQL. What was understood is named so that it is understood
/// as the same.
pub fn type_names(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(ty) = Type::parse_class(text) {
        let name = ty.class_name();
        let again = Type::parse_class(&name).unwrap_or_else(|error| panic!("{name:?} of {text:?}: {error}"));
        assert_eq!(again, ty, "{name:?} of {text:?}");
        let _ = (ty.cql_name(), ty.fixed_len(), ty.is_multi_cell(), ty.freeze(), ty.path_type());
    }
    let parsed = |text: &str| Some(parse_type(text).ok()?.resolve("ks", &|_| None));
    if let Some(Ok(ty)) = parsed(text) {
        let name = CqlType::of(&ty).to_string();
        assert_eq!(parsed(&name), Some(Ok(ty.clone())), "{name:?} of {text:?}");
        let class = ty.class_name();
        let again =
            Type::parse_class(&class).unwrap_or_else(|error| panic!("{class:?} of {text:?}: {error}"));
        assert_eq!(again, ty, "{class:?} of {text:?}");
    }
}
