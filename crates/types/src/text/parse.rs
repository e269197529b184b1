//! CQL literals to serialized values.

use std::borrow::Cow;
use std::net::IpAddr;

use uuid::Uuid;

use crate::{Decimal, Duration, Hex, Type, ValueError, Varint, temporal};

impl Type {
    /// Whether constants of this type are texts between quotes.
    #[must_use]
    pub fn is_quoted(&self) -> bool {
        matches!(
            self.base(),
            Type::Ascii
                | Type::Text
                | Type::Timestamp
                | Type::LegacyDate
                | Type::Date
                | Type::Time
                | Type::Inet
        )
    }

    /// Appends the value that a text between quotes stands for: itself, a time or an address. A
    /// timestamp without a zone is in UTC, and host names are not addresses. An empty text is an
    /// empty value of any type that has one.
    ///
    /// # Errors
    /// If there is no such value.
    pub fn write_text(&self, text: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let some = match self {
            Type::Text => {
                out.extend_from_slice(text.as_bytes());
                Some(())
            }
            Type::Ascii => text.is_ascii().then(|| out.extend_from_slice(text.as_bytes())),
            _ if text.is_empty() && self.allows_empty() => Some(()),
            Type::Timestamp | Type::LegacyDate => {
                temporal::parse_timestamp(text).map(|millis| out.extend_from_slice(&millis.to_be_bytes()))
            }
            Type::Date => temporal::parse_date(text).map(|days| out.extend_from_slice(&days.to_be_bytes())),
            Type::Time => temporal::parse_time(text).map(|nanos| out.extend_from_slice(&nanos.to_be_bytes())),
            Type::Inet => match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
                Ok(IpAddr::V4(address)) => {
                    out.extend_from_slice(&address.octets());
                    Some(())
                }
                Ok(IpAddr::V6(address)) => {
                    out.extend_from_slice(&address.octets());
                    Some(())
                }
                Err(_) => None,
            },
            _ => None,
        };
        some.ok_or_else(|| ValueError::new(self, format!("{text:?} is none")))
    }

    /// Appends the value that a word without quotes and brackets stands for: `12`, `1.5e3`, `true`,
    /// `0xcafe`, `1h30m`, a UUID.
    ///
    /// # Errors
    /// If there is no such value.
    pub fn write_word(&self, word: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
        self.try_write_word(word, out).ok_or_else(|| unexpected(self, word))
    }

    fn try_write_word(&self, word: &str, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Type::Boolean if word.eq_ignore_ascii_case("true") => out.push(1),
            Type::Boolean if word.eq_ignore_ascii_case("false") => out.push(0),
            Type::TinyInt => out.extend_from_slice(&integer::<i8>(word)?.to_be_bytes()),
            Type::SmallInt => out.extend_from_slice(&integer::<i16>(word)?.to_be_bytes()),
            Type::Int => out.extend_from_slice(&integer::<i32>(word)?.to_be_bytes()),
            Type::BigInt | Type::Counter | Type::Timestamp | Type::LegacyDate => {
                out.extend_from_slice(&integer::<i64>(word)?.to_be_bytes());
            }
            Type::Date => out.extend_from_slice(&integer::<u32>(word)?.to_be_bytes()),
            Type::Time => {
                let nanos = integer(word).filter(|nanos| (0..temporal::NANOS_PER_DAY).contains(nanos))?;
                out.extend_from_slice(&nanos.to_be_bytes());
            }
            Type::Varint => out.extend_from_slice(&integer::<Varint>(word)?.to_be_bytes()),
            Type::Decimal => is_number(word).then(|| word.parse::<Decimal>().ok())??.write(out),
            Type::Float => out.extend_from_slice(&float::<f32>(word, f32::NAN)?.to_be_bytes()),
            Type::Double => out.extend_from_slice(&float::<f64>(word, f64::NAN)?.to_be_bytes()),
            Type::Uuid | Type::TimeUuid | Type::LexicalUuid => {
                let uuid = (word.len() == 36).then(|| Uuid::parse_str(word).ok())??;
                if matches!(self, Type::TimeUuid) && uuid.get_version_num() != 1 {
                    return None;
                }
                out.extend_from_slice(uuid.as_bytes());
            }
            Type::Duration => word.parse::<Duration>().ok()?.write(out),
            _ if self.is_opaque() => {
                let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"))?;
                out.extend_from_slice(&Hex::parse(digits)?);
            }
            _ => return None,
        }
        Some(())
    }
}

/// CQL's INTEGER, which knows no plus.
fn integer<N: std::str::FromStr>(word: &str) -> Option<N> {
    if word.starts_with('+') { None } else { word.parse().ok() }
}

fn is_number(word: &str) -> bool {
    word.strip_prefix('-').unwrap_or(word).starts_with(|c: char| c.is_ascii_digit())
}

fn float<N: std::str::FromStr + std::ops::Neg<Output = N>>(word: &str, nan: N) -> Option<N> {
    match word.to_ascii_lowercase().as_str() {
        "nan" | "-nan" => Some(nan),
        "infinity" => "inf".parse().ok(),
        "-infinity" => "-inf".parse().ok(),
        _ if is_number(word) => word.parse().ok(),
        _ => None,
    }
}

fn unexpected(ty: &Type, text: &str) -> ValueError {
    let shown: String = text.chars().take(40).collect();
    ValueError::new(
        ty,
        if shown.is_empty() { "the text ends".into() } else { Cow::from(format!("unexpected {shown:?}")) },
    )
}
