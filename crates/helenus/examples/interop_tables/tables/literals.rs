//! Values of every native type, edges first.

use crate::write::EMPTY;

/// A type and literals of it; all but those of `duration` can be keys.
pub(super) struct TypeLiterals {
    pub(super) ty: &'static str,
    pub(super) values: &'static [&'static str],
    /// Whether a value of no bytes is allowed.
    pub(super) allows_empty: bool,
}

const fn of(ty: &'static str, allows_empty: bool, values: &'static [&'static str]) -> TypeLiterals {
    TypeLiterals { ty, values, allows_empty }
}

pub(super) const TYPES: [TypeLiterals; 20] = [
    of(
        "ascii",
        true,
        &["'a'", "'A'", "'zz top'", "'~'", "'it''s'", "'0123456789012345678901234567890123456789'"],
    ),
    of(
        "bigint",
        true,
        &["0", "1", "-1", "9223372036854775807", "-9223372036854775808", "255", "256", "-256", "4294967296"],
    ),
    of("blob", true, &["0x00", "0xff", "0x0000", "0xff00", "0xcafebabe", "0x00ff00ff00ff00ff00ff00ff"]),
    // Cassandra takes an empty boolean and can't print it.
    of("boolean", false, &["true", "false"]),
    of(
        "date",
        false,
        &[
            "'1970-01-01'",
            "'1969-12-31'",
            "'2024-02-29'",
            "'-5877641-06-23'",
            "'+5881580-07-11'",
            "'0001-01-01'",
        ],
    ),
    of(
        "decimal",
        true,
        &[
            "0",
            "0.00",
            "1",
            "10",
            "1.0",
            "-1",
            "-0.001",
            "123456789012345678901234567890.123456789",
            "1E-30",
            "1E+30",
            "-99999999999999999999",
            "99.5",
            "100",
            "-100",
        ],
    ),
    of(
        "double",
        true,
        &[
            "0.0",
            "1.5",
            "-1.5",
            "1e308",
            "-1e308",
            "5e-324",
            "2.2250738585072014E-308",
            "0.1",
            "123456.789",
            "1e21",
            "1e-7",
        ],
    ),
    of(
        "duration",
        false,
        &["0s", "1y2mo3w4d5h6m7s8ms9us10ns", "-1mo", "1d", "24h", "-5ns", "P1Y2M3DT4H5M6S"],
    ),
    of(
        "float",
        true,
        &["0.0", "1.5", "-1.5", "3.4028235e38", "-3.4028235e38", "1.4e-45", "0.1", "16777216", "1e10"],
    ),
    of(
        "inet",
        true,
        &[
            "'127.0.0.1'",
            "'0.0.0.0'",
            "'255.255.255.255'",
            "'::1'",
            "'fe80::1:2'",
            "'2001:db8::ff00:42:8329'",
        ],
    ),
    of("int", true, &["0", "1", "-1", "2147483647", "-2147483648", "255", "-129", "65536"]),
    of("smallint", false, &["0", "1", "-1", "32767", "-32768", "256"]),
    of(
        "text",
        true,
        &["'a'", "'ab'", "'Ω'", "'日本'", "'\u{1F600}'", "'quote \" and '' and \\'", "'a\tb'", "'z'"],
    ),
    of("time", false, &["'00:00:00'", "'23:59:59.999999999'", "'12:34:56.7'", "'00:00:00.000000001'"]),
    of(
        "timestamp",
        true,
        &["0", "-1", "1700000000123", "'2024-02-29T12:34:56.789Z'", "-62135596800000", "253402300799999"],
    ),
    of(
        "timeuuid",
        true,
        &[
            "00000000-0000-1000-8000-000000000000",
            "ffffffff-ffff-1fff-bfff-ffffffffffff",
            "50554d6e-29bb-11e5-b345-feff819cdc9f",
            "50554d6e-29bb-11e5-8345-feff819cdc9f",
            "50554d6f-29bb-11e5-b345-feff819cdc9f",
        ],
    ),
    of("tinyint", false, &["0", "1", "-1", "127", "-128"]),
    of(
        "uuid",
        true,
        &[
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "f47ac10b-58cc-4372-a567-0e02b2c3d479",
            "50554d6e-29bb-11e5-b345-feff819cdc9f",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        ],
    ),
    of(
        // An empty varint is one too, but JSON has no word for it that Cassandra takes back.
        "varint",
        false,
        &[
            "0",
            "1",
            "-1",
            "127",
            "128",
            "-128",
            "-129",
            "255",
            "256",
            "9223372036854775808",
            "-9223372036854775809",
            "1234567890123456789012345678901234567890",
            "-1234567890123456789012345678901234567890",
        ],
    ),
    of("vector<float, 3>", false, &["[1.0, 2.0, 3.0]", "[-1.5, 0.0, 1e10]", "[0.1, 0.2, 0.3]"]),
];

/// Those that can be keys.
pub(super) fn key_types() -> impl Iterator<Item = &'static TypeLiterals> {
    TYPES.iter().filter(|of| of.ty != "duration" && !of.ty.starts_with("vector"))
}

impl TypeLiterals {
    /// The values without those that equal another one in order, of which a literal of a collection
    /// may keep either.
    pub(super) fn distinct(&self) -> Vec<&'static str> {
        let is_other = |value: &&str| self.ty != "decimal" || !["0.00", "1.0"].contains(value);
        self.values.iter().copied().filter(is_other).collect()
    }

    /// The values, the empty one too where it can be in a key's component.
    pub(super) fn with_empty(&self) -> Vec<String> {
        let mut all: Vec<String> = self.values.iter().map(|value| (*value).to_owned()).collect();
        match self.ty {
            "ascii" | "text" => all.push("''".to_owned()),
            "blob" => all.push("0x".to_owned()),
            _ if self.allows_empty => all.push(EMPTY.to_owned()),
            _ => {}
        }
        all
    }
}
