//! Partition keys of texts (`AbstractType.fromString`).

use helenus_cql_syntax::parse_text;
use helenus_types::Type;

/// The raw key that a text stands for, as [`push_key_text`](helenus_sstable::push_key_text) prints
/// it: values between colons, those in values after a backslash. Tuples and user types are CQL
/// literals.
///
/// # Errors
/// Why it is no text of the type.
pub fn parse_key_text(ty: &Type, text: &str) -> Result<Vec<u8>, String> {
    let Type::Composite(types) = ty else { return value(ty, text) };
    let parts = split(text);
    if parts.len() != types.len() {
        return Err(format!("{} values, and the key has {}", parts.len(), types.len()));
    }
    let mut key = Vec::new();
    for (ty, part) in types.iter().zip(&parts) {
        let component = value(ty, part)?;
        let len = u16::try_from(component.len()).map_err(|_too_long| "a value of more than 65535 bytes")?;
        key.extend_from_slice(&len.to_be_bytes());
        key.extend_from_slice(&component);
        key.push(0);
    }
    Ok(key)
}

fn value(ty: &Type, text: &str) -> Result<Vec<u8>, String> {
    let ty = ty.base();
    let parsed = match ty {
        // Other than in CQL, hexadecimal digits stand alone.
        Type::Blob | Type::Custom(_) | Type::DynamicComposite(_) if !text.starts_with("0x") => {
            parse_text(ty, &format!("0x{text}"))
        }
        _ => parse_text(ty, text),
    };
    parsed.map_err(|error| error.to_string())
}

/// The values between colons. Cassandra puts an exclamation mark after one that ends with such a
/// mark or a backslash.
fn split(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    for char in text.chars() {
        match char {
            ':' if part.ends_with('\\') => {
                part.pop();
                part.push(':');
            }
            ':' => parts.push(std::mem::take(&mut part)),
            other => part.push(other),
        }
    }
    parts.push(part);
    for part in &mut parts {
        if part.ends_with('!') {
            part.pop();
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use helenus_sstable::push_key_text;

    use super::*;

    #[test]
    fn keys_both_ways() {
        let pair = Type::Composite([Type::Int, Type::Text].into());
        let check = |ty: &Type, text: &str, key: &[u8]| {
            let mut printed = String::new();
            push_key_text(ty, key, &mut printed);
            assert_eq!((printed.as_str(), parse_key_text(ty, text).as_deref()), (text, Ok(key)));
        };
        check(&Type::Text, "a:b c!", b"a:b c!");
        check(&Type::Blob, "00cafe", &[0, 0xca, 0xfe]);
        check(&Type::Int, "-7", &(-7_i32).to_be_bytes());
        check(&pair, "-1:a\\:b", b"\0\x04\xff\xff\xff\xff\0\0\x03a:b\0");
        check(&pair, "1:", b"\0\x04\0\0\0\x01\0\0\0\0");
        check(&pair, "1:a!!", b"\0\x04\0\0\0\x01\0\0\x02a!\0");
        check(&pair, "1:a\\!", b"\0\x04\0\0\0\x01\0\0\x02a\\\0");
        check(&Type::Timestamp, "2023-11-14T22:13:20.000Z", &1_700_000_000_000_i64.to_be_bytes());
        for (ty, text) in
            [(&pair, "1"), (&pair, "1:2:3"), (&pair, "x:y"), (&Type::Int, ""), (&Type::Blob, "0")]
        {
            assert!(parse_key_text(ty, text).is_err(), "{text}");
        }
    }
}
