//! `c = c + value` of a column that isn't a counter (`Constants.Adder`).

use helenus_cql_syntax::BinaryOperator;
use helenus_engine::Combine;
use helenus_types::{Type, ValueError};

use super::number::{Arithmetic, Number, TYPES};

/// What adds a value to one of that type: the sum of numbers, texts one behind the other.
pub(crate) fn addition_to(ty: &Type) -> Option<Combine> {
    match ty {
        Type::Counter => None,
        Type::Text | Type::Ascii => Some(Combine(append)),
        number if TYPES.contains(number) => Some(Combine(add)),
        _ => None,
    }
}

fn append(_: &Type, left: &[u8], right: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    out.extend_from_slice(left);
    out.extend_from_slice(right);
    Ok(())
}

fn add(ty: &Type, left: &[u8], right: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let (Some(left), Some(right)) = (Number::decode(ty, left), Number::decode(ty, right)) else {
        return Err(ValueError::new(ty, "nothing can be added to an empty value"));
    };
    let sum = BinaryOperator::Add.calculate(ty, &left, &right);
    sum.map_err(|_problem| ValueError::new(ty, "the sum is none"))?.encode(ty, out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use helenus_types::Type;

    use super::addition_to;

    #[test]
    fn numbers_are_added_and_texts_appended() {
        let sum = |ty: &Type, left: &[u8], right: &[u8]| {
            let mut out = Vec::new();
            addition_to(ty).unwrap().0(ty, left, right, &mut out).map(|()| out)
        };
        assert_eq!(sum(&Type::Int, &[0, 0, 0, 1], &[0, 0, 0, 2]).unwrap(), [0, 0, 0, 3]);
        assert_eq!(sum(&Type::TinyInt, &[127], &[1]).unwrap(), [128], "it wraps");
        assert_eq!(sum(&Type::Text, b"a", b"bc").unwrap(), b"abc");
        assert!(sum(&Type::Int, &[], &[0, 0, 0, 2]).is_err());
        assert!(addition_to(&Type::Counter).is_none());
        assert!(addition_to(&Type::Blob).is_none());
    }
}
