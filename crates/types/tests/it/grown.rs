//! Types that have got fields.

use helenus_types::{Type, UserType};

fn udt(fields: &[(&str, Type)]) -> Type {
    let fields = fields.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect();
    Type::udt(UserType { keyspace: "ks".to_owned(), name: "u".to_owned(), fields }).freeze()
}

/// Comparing two files of a table whose clustering type had grown in between was refused.
#[test]
fn a_type_grows_by_fields_at_its_end() {
    let short = udt(&[("a", Type::Int), ("b", Type::Text)]);
    let long = udt(&[("a", Type::Int), ("b", Type::Text), ("c", Type::Int)]);
    let renamed = udt(&[("a", Type::Int), ("z", Type::Text), ("c", Type::Int)]);
    let other = udt(&[("a", Type::Int), ("b", Type::Int), ("c", Type::Int)]);
    let in_tuple = |ty: &Type| Type::tuple([Type::Int, ty.clone()]);
    let in_map = |ty: &Type| Type::Map { entry: std::sync::Arc::new((ty.clone(), ty.clone())), frozen: true };
    let in_key = |ty: &Type| Type::composite(vec![ty.clone(), Type::Int]);
    for inside in [Type::clone as fn(&Type) -> Type, in_tuple, in_map, in_key, |ty| ty.clone().reversed()] {
        let [short, long, renamed, other] = [&short, &long, &renamed, &other].map(inside);
        assert!(short.grows_into(&short) && short.grows_into(&long), "{short:?}");
        assert!(long.grows_into(&renamed) && renamed.grows_into(&long), "names don't count");
        assert!(
            !long.grows_into(&short) && !short.grows_into(&other) && !other.grows_into(&long),
            "{short:?}"
        );
    }
    assert!(!short.grows_into(&long.clone().reversed()) && !Type::Int.grows_into(&Type::BigInt));
    assert!(!Type::composite(vec![Type::Int]).grows_into(&Type::composite(vec![Type::Int, Type::Int])));
}
