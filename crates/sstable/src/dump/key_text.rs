//! Partition keys as text (`AbstractType.getString`).

use helenus_types::{Hex, Reader, Type};

use super::text::push_plain;

/// Appends a partition key as text (`AbstractType.getString`): one value unchanged, several
/// separated by colons, with colons in values after a backslash. Bytes that are not a key of the
/// type are hexadecimal.
pub fn push_key_text(key_type: &Type, key: &[u8], out: &mut String) {
    let Type::Composite(types) = key_type else { return push_plain(key_type, key, out) };
    let start = out.len();
    let mut reader = Reader::new(key);
    for (index, ty) in types.iter().enumerate() {
        let (Ok(component), Ok(0)) = (reader.u16_bytes(), reader.u8()) else {
            out.truncate(start);
            return Hex(key).push(out);
        };
        let mut text = String::new();
        push_plain(ty, component, &mut text);
        out.push_str(if index == 0 { "" } else { ":" });
        out.push_str(&text.replace(':', "\\:"));
        // So that a mark or backslash at the end is not taken for one of these.
        if text.ends_with(['\\', '!']) {
            out.push('!');
        }
    }
}
