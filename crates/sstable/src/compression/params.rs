//! A table's compression options (`schema.CompressionParams`).

use thiserror::Error;

use super::codec::PACKAGE;
use super::{Codec, MAX_CHUNK_LEN, NEVER_RAW};
use crate::error::SsTableErrorKind;

/// The compression of a table's data: the schema's `compression` map, checked
/// (`org.apache.cassandra.schema.CompressionParams`).
#[derive(Debug, Clone, PartialEq)]
pub struct CompressionParams {
    /// The compressor.
    pub codec: Codec,
    /// The compressor's own options, sorted by name.
    pub options: Vec<(String, String)>,
    /// Uncompressed bytes a chunk; a power of two.
    pub chunk_len: u32,
    /// A chunk whose payload would be at least this long is stored raw.
    pub max_compressed: u32,
    /// The option that `max_compressed` comes from; 0 when every chunk is compressed.
    pub min_compress_ratio: f64,
}

/// A `compression` map that Cassandra would refuse.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidCompression(String);

/// Cassandra's default since 4.0; 64 KiB before.
const DEFAULT_CHUNK_KIB: i32 = 16;
const DEFAULT_CHUNK_LEN: u32 = DEFAULT_CHUNK_KIB.cast_unsigned() << 10;

const CLASS: &str = "class";
const ENABLED: &str = "enabled";
const CHUNK_LENGTH_IN_KB: &str = "chunk_length_in_kb";
const MIN_COMPRESS_RATIO: &str = "min_compress_ratio";
const LZ4_TYPE: &str = "lz4_compressor_type";
const LZ4_HIGH: &str = "high";
const LZ4_HIGH_LEVEL: &str = "lz4_high_compressor_level";
const ZSTD_LEVEL: &str = "compression_level";

/// Names until 3.0, which old schemas still hold, and today's.
const OLD_NAMES: [(&str, &str); 2] =
    [("sstable_compression", CLASS), ("chunk_length_kb", CHUNK_LENGTH_IN_KB)];

/// Until 3.0 a part of the map, today an option of the table.
const CRC_CHECK_CHANCE: &str = "crc_check_chance";

impl Default for CompressionParams {
    /// LZ4 in chunks of 16 KiB, as Cassandra creates tables.
    fn default() -> CompressionParams {
        CompressionParams::new(Codec::Lz4)
    }
}

impl CompressionParams {
    /// `codec` with its defaults.
    #[must_use]
    pub fn new(codec: Codec) -> CompressionParams {
        CompressionParams {
            codec,
            options: Vec::new(),
            chunk_len: DEFAULT_CHUNK_LEN,
            max_compressed: NEVER_RAW,
            min_compress_ratio: 0.0,
        }
    }

    /// The meaning of a `compression` map; `None` when it switches compression off.
    ///
    /// # Errors
    /// What Cassandra refuses: no class, an unknown one, unknown options, values out of range.
    pub fn from_options<'a>(
        map: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Option<CompressionParams>, InvalidCompression> {
        let mut map = Options { entries: map.into_iter().collect() };
        if map.entries.is_empty() {
            return Ok(None);
        }
        let enabled = map.take(ENABLED).is_none_or(|value| value.eq_ignore_ascii_case("true"));
        let class = map.take(CLASS);
        if !enabled {
            if class.is_some() || !map.entries.is_empty() {
                return invalid(format!(
                    "If the '{ENABLED}' option is set to false no other options must be specified"
                ));
            }
            return Ok(None);
        }
        let class = match class {
            None => return invalid(format!("Missing sub-option '{CLASS}' for the 'compression' option.")),
            Some("") => {
                return invalid(format!(
                    "The '{CLASS}' option must not be empty. To disable compression use '{ENABLED}' : false"
                ));
            }
            Some(class) => class,
        };
        let chunk_kib = map.take(CHUNK_LENGTH_IN_KB).map_or(Ok(DEFAULT_CHUNK_KIB), chunk_kib)?;
        let min_compress_ratio = map.take(MIN_COMPRESS_RATIO).map_or(Ok(0.0), ratio)?;
        let codec = Codec::from_class(class).ok_or_else(|| {
            let package = if class.contains('.') { "" } else { PACKAGE };
            InvalidCompression(format!("Could not create Compression for type {package}{class}"))
        })?;
        let options = map.rest();
        check_options(codec, &options)?;
        let chunk_len = chunk_len(chunk_kib)?;
        let max_compressed = max_compressed(chunk_len, min_compress_ratio)?;
        Ok(Some(CompressionParams { codec, options, chunk_len, max_compressed, min_compress_ratio }))
    }

    /// The same for a map of a schema that any release wrote: options may have the names that they
    /// had until 3.0.
    ///
    /// # Errors
    /// As [`from_options`](Self::from_options), and an option that is given by both its names.
    pub fn from_options_of_any_release<'a>(
        map: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Option<CompressionParams>, InvalidCompression> {
        let mut entries: Vec<(&str, &str)> = Vec::new();
        for (name, value) in map.into_iter().filter(|(name, _)| *name != CRC_CHECK_CHANCE) {
            let renamed = OLD_NAMES.iter().find(|(old, _)| *old == name);
            let current = renamed.map_or(name, |(_, current)| current);
            if entries.iter().any(|(known, _)| *known == current) {
                return invalid(format!("The '{current}' option is given twice, once by its old name"));
            }
            // Only the old name could disable compression like that.
            if renamed.is_some() && current == CLASS && value.is_empty() {
                return Ok(None);
            }
            entries.push((current, value));
        }
        Self::from_options(entries)
    }

    /// The map as Cassandra prints it in a schema, sorted by name.
    #[must_use]
    pub fn to_options(&self) -> Vec<(String, String)> {
        let mut map = self.options.clone();
        map.push((CLASS.to_owned(), self.codec.class_name().to_owned()));
        map.push((CHUNK_LENGTH_IN_KB.to_owned(), (self.chunk_len >> 10).to_string()));
        if self.min_compress_ratio != 0.0 {
            map.push((MIN_COMPRESS_RATIO.to_owned(), format!("{:?}", self.min_compress_ratio)));
        }
        map.sort_unstable();
        map
    }

    /// Whether this build can compress so.
    ///
    /// # Errors
    /// [`UnsupportedCompressor`](SsTableErrorKind::UnsupportedCompressor), which names the feature
    /// that is left out.
    pub fn check_available(&self) -> Result<(), SsTableErrorKind> {
        if !self.codec.is_available() {
            return Err(self.codec.unavailable());
        }
        if cfg!(not(feature = "lz4-high")) && self.codec == Codec::Lz4 && self.level().is_some() {
            return Err(Codec::high_unavailable());
        }
        Ok(())
    }

    /// Forgets `min_compress_ratio`, for versions without raw chunks.
    pub(crate) fn compress_always(&mut self) {
        self.max_compressed = NEVER_RAW;
        self.min_compress_ratio = 0.0;
    }

    /// The level of compression: Zstd's if one is given; that of LZ4 of type `high`, and `None` for
    /// `fast`, which ignores a level.
    pub(super) fn level(&self) -> Option<i32> {
        const DEFAULT_HIGH_LEVEL: i32 = 9;
        let given = |name| self.option(name).and_then(|level| level.parse().ok());
        match self.codec {
            Codec::Zstd => given(ZSTD_LEVEL),
            Codec::Lz4 if self.option(LZ4_TYPE)? == LZ4_HIGH => {
                Some(given(LZ4_HIGH_LEVEL).unwrap_or(DEFAULT_HIGH_LEVEL))
            }
            Codec::Lz4 | Codec::Snappy | Codec::Deflate | Codec::Noop => None,
        }
    }

    fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A map's entries that have not been read yet.
struct Options<'a> {
    entries: Vec<(&'a str, &'a str)>,
}

impl<'a> Options<'a> {
    fn take(&mut self, name: &str) -> Option<&'a str> {
        let position = self.entries.iter().position(|(known, _)| *known == name)?;
        Some(self.entries.swap_remove(position).1)
    }

    fn rest(self) -> Vec<(String, String)> {
        let mut rest: Vec<(String, String)> =
            self.entries.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        rest.sort_unstable();
        rest
    }
}

fn invalid<T>(text: String) -> Result<T, InvalidCompression> {
    Err(InvalidCompression(text))
}

fn chunk_kib(text: &str) -> Result<i32, InvalidCompression> {
    match text.parse::<i32>() {
        Err(_not_a_number) => invalid(format!("Invalid value for {CHUNK_LENGTH_IN_KB}")),
        Ok(kib) if kib > i32::MAX / 1024 => {
            invalid(format!("Value of {CHUNK_LENGTH_IN_KB} is too large ({kib})"))
        }
        Ok(kib) => Ok(kib),
    }
}

fn chunk_len(kib: i32) -> Result<u32, InvalidCompression> {
    let Ok(kib @ 1..) = u32::try_from(kib) else {
        return invalid(format!("Invalid negative or null {CHUNK_LENGTH_IN_KB}"));
    };
    if !kib.is_power_of_two() {
        return invalid(format!("{CHUNK_LENGTH_IN_KB} must be a power of 2"));
    }
    // Above this limit, which is ours, a reader would have to trust a file with too much memory.
    if kib > MAX_CHUNK_LEN >> 10 {
        return invalid(format!("Value of {CHUNK_LENGTH_IN_KB} is too large ({kib})"));
    }
    Ok(kib << 10)
}

fn ratio(text: &str) -> Result<f64, InvalidCompression> {
    match text.trim().parse::<f64>() {
        Ok(ratio) if !ratio.is_nan() => Ok(ratio),
        _ => invalid(format!("Invalid value for {MIN_COMPRESS_RATIO}")),
    }
}

/// `ceil(min(chunk_len / ratio, Integer.MAX_VALUE))`, kept instead of the ratio so that reader and
/// writer do not round differently.
fn max_compressed(chunk_len: u32, ratio: f64) -> Result<u32, InvalidCompression> {
    // -0.0 divides to minus infinity, in Java too.
    let max = (f64::from(chunk_len) / ratio).min(f64::from(NEVER_RAW)).ceil();
    if max < 0.0 {
        return invalid(format!("Invalid negative {MIN_COMPRESS_RATIO}"));
    }
    if max > f64::from(chunk_len) && max < f64::from(NEVER_RAW) {
        return invalid(format!("{MIN_COMPRESS_RATIO} can either be 0 or greater than or equal to 1"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "between 0 and 2^31 - 1 and whole")]
    #[expect(clippy::cast_sign_loss, reason = "not negative")]
    Ok(max as u32)
}

/// The compressor's own options, in its words. Its values are looked at before names that it
/// doesn't know.
fn check_options(codec: Codec, options: &[(String, String)]) -> Result<(), InvalidCompression> {
    let known: &[&str] = match codec {
        Codec::Lz4 => &[LZ4_TYPE, LZ4_HIGH_LEVEL],
        Codec::Zstd => &[ZSTD_LEVEL],
        Codec::Snappy | Codec::Deflate | Codec::Noop => &[],
    };
    let values = known.iter().filter_map(|known| options.iter().find(|(name, _)| name == known));
    for (name, value) in values {
        let number = value.parse::<i32>().ok();
        let refused = match (name.as_str(), number) {
            (LZ4_TYPE, _) if !matches!(value.as_str(), "fast" | LZ4_HIGH) => format!(
                "Invalid compressor type '{value}' specified for LZ4 parameter '{LZ4_TYPE}'. Valid options are [fast, \
                 {LZ4_HIGH}]."
            ),
            (LZ4_HIGH_LEVEL, level) if !level.is_some_and(|level| (1..=17).contains(&level)) => format!(
                "Invalid value [{value}] for parameter '{LZ4_HIGH_LEVEL}'. Value must be between 1 and 17."
            ),
            (ZSTD_LEVEL, None) => format!(
                "ZstdCompressor.create() threw an error: java.lang.NumberFormatException For input string: \"{value}\""
            ),
            (ZSTD_LEVEL, Some(level)) if !(-131_072..=22).contains(&level) => format!(
                "ZstdCompressor.create() threw an error: java.lang.IllegalArgumentException {ZSTD_LEVEL}={level} is invalid"
            ),
            _ => continue,
        };
        return invalid(refused);
    }
    match options.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => invalid(format!("Unknown compression options {name}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses `name=value` pairs separated by blanks and prints what they mean.
    fn check(options: &str, expected: &str) {
        let pairs =
            options.split(' ').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap());
        let found = match CompressionParams::from_options_of_any_release(pairs) {
            Ok(None) => "none".to_owned(),
            Ok(Some(params)) => {
                format!(
                    "{:?} {} {} {:?}",
                    params.codec, params.chunk_len, params.max_compressed, params.options
                )
            }
            Err(error) => format!("refused: {error}"),
        };
        assert!(found.starts_with(expected), "{options}: {found}");
    }

    #[test]
    fn maps_of_options() {
        check("", "none");
        check("enabled=false", "none");
        check("sstable_compression=", "none");
        check("class=LZ4Compressor", "Lz4 16384 2147483647 []");
        check(
            "class=org.apache.cassandra.io.compress.ZstdCompressor compression_level=-5",
            "Zstd 16384 2147483647 [(",
        );
        check("class=LZ4Compressor chunk_length_in_kb=64 min_compress_ratio=1.1", "Lz4 65536 59579 []");
        check("class=LZ4Compressor min_compress_ratio=1", "Lz4 16384 16384");
        check(
            "enabled=TRUE sstable_compression=SnappyCompressor chunk_length_kb=4 crc_check_chance=0.5",
            "Snappy 4096",
        );
        check("class=LZ4Compressor lz4_compressor_type=high lz4_high_compressor_level=9", "Lz4 16384");
    }

    #[test]
    fn maps_that_cassandra_refuses() {
        check("chunk_length_in_kb=4", "refused: Missing sub-option 'class'");
        check("class=", "refused: The 'class' option must not be empty");
        check("class=LZ4Compressor enabled=false", "refused: If the 'enabled' option");
        check(
            "class=LzoCompressor",
            "refused: Could not create Compression for type org.apache.cassandra.io.compress.LzoCompressor",
        );
        check("class=com.example.LZ4Compressor", "refused: Could not create");
        check("class=LZ4Compressor chunk_length_in_kb=0", "refused: Invalid negative or null");
        check("class=LZ4Compressor chunk_length_in_kb=-4", "refused: Invalid negative or null");
        check("class=LZ4Compressor chunk_length_in_kb=3", "refused: chunk_length_in_kb must be a power of 2");
        check("class=LZ4Compressor chunk_length_in_kb=x", "refused: Invalid value");
        check("class=LZ4Compressor chunk_length_in_kb=2097152", "refused: Value of");
        check("class=LZ4Compressor min_compress_ratio=-1", "refused: Invalid negative");
        check("class=LZ4Compressor min_compress_ratio=0.9", "refused: min_compress_ratio can either");
        check("class=LZ4Compressor min_compress_ratio=NaN", "refused: Invalid value");
        check("class=LZ4Compressor lz4_compressor_type=slow", "refused: Invalid compressor type 'slow'");
        check("class=LZ4Compressor lz4_high_compressor_level=18", "refused: Invalid value [18]");
        check(
            "class=ZstdCompressor compression_level=23",
            "refused: ZstdCompressor.create() threw an error: java.lang.IllegalArgumentException compression_level=23",
        );
        check("class=SnappyCompressor compression_level=1", "refused: Unknown compression options");
        check(
            "class=LZ4Compressor sstable_compression=LZ4Compressor",
            "refused: The 'class' option is given twice",
        );
    }

    /// What releases until 3.0 wrote is read, and refused in a statement, as a node does.
    #[test]
    fn old_names_are_for_old_schemas() {
        let old = [("sstable_compression", "LZ4Compressor"), ("chunk_length_kb", "4")];
        assert!(CompressionParams::from_options_of_any_release(old).unwrap().is_some());
        let refused = |map: &[(&'static str, &'static str)]| {
            CompressionParams::from_options(map.iter().copied()).unwrap_err().to_string()
        };
        assert_eq!(refused(&old), "Missing sub-option 'class' for the 'compression' option.");
        let chance = [("class", "LZ4Compressor"), ("crc_check_chance", "0.5")];
        assert_eq!(refused(&chance), "Unknown compression options crc_check_chance");
    }

    #[test]
    fn the_map_is_printed_as_it_was() {
        let map = [
            ("chunk_length_in_kb", "16"),
            ("class", "org.apache.cassandra.io.compress.LZ4Compressor"),
            ("lz4_compressor_type", "high"),
            ("min_compress_ratio", "1.5"),
        ];
        let params = CompressionParams::from_options(map).unwrap().unwrap();
        assert_eq!(params.max_compressed, 10923);
        let printed = params.to_options();
        assert!(printed.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(map), "{printed:?}");
    }
}
