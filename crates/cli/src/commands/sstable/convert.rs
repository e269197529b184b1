//! `sstable convert` and `upgrade`.

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use helenus::{Disk, RealDisk};
use helenus_sstable::{CompressionParams, Version};
use helenus_tools::{Compression, ConvertOptions, Converted, Ids, convert as convert_tables, find_tables};

use super::common::refused;
use crate::args::{CompressorName, Convert, Rewrite, Upgrade};
use crate::failure::Failure;
use crate::output::{self, ByteProgress, counted};

pub(crate) fn convert(args: &Convert) -> Result<(), Failure> {
    rewrite(args.to, &args.how)
}

pub(crate) fn upgrade(args: &Upgrade) -> Result<(), Failure> {
    let [newest, ..] = Version::WRITABLE;
    rewrite(args.to.unwrap_or(newest), &args.how)
}

fn rewrite(version: Version, how: &Rewrite) -> Result<(), Failure> {
    let options = ConvertOptions {
        version,
        compression: compression(how)?,
        cap_expirations: how.cap_expirations,
        ids: if how.number { Ids::Number } else { Ids::Keep },
    };
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let inputs = find_tables(&*disk, &how.inputs).map_err(|error| refused(&error))?;
    let mut bar = ByteProgress::default();
    let done = convert_tables(&disk, &inputs, &how.out, &options, &mut |progress| {
        bar.at(progress.bytes_read, progress.bytes_total);
        ControlFlow::Continue(())
    });
    bar.finish();
    let done = done.map_err(|error| refused(&error))?;
    let mut out = output::stdout();
    for converted in &done {
        writeln!(out, "{}", line(converted))?;
    }
    Ok(out.flush()?)
}

fn line(converted: &Converted) -> String {
    let Converted { from, data_file_len, to } = converted;
    let capped = match converted.capped() {
        0 => String::new(),
        capped => format!(", capped: {}", counted(capped, "deletion time")),
    };
    match to {
        None => format!("{from}: nothing in it, nothing written"),
        Some(to) => {
            let data = to.file_sizes.first().map_or(0, |(_, len)| *len);
            format!(
                "{from} -> {}: {}, {}, Data.db {data_file_len} -> {data} bytes{capped}",
                to.descriptor,
                counted(to.key_count, "partition"),
                counted(to.stats.rows, "row")
            )
        }
    }
}

/// The compression that the options ask for, as a table's options say it.
fn compression(how: &Rewrite) -> Result<Compression, Failure> {
    let Some(codec) = how.codec else { return Ok(Compression::Keep) };
    let mut map: Vec<(&str, String)> = Vec::new();
    let Some(class) = codec.class() else {
        let rest =
            [how.codec_level.is_some(), how.chunk_length_kb.is_some(), how.min_compress_ratio.is_some()];
        return if rest.contains(&true) {
            Err(Failure::usage("--codec none has no level, chunks or ratio"))
        } else {
            Ok(Compression::Use(None))
        };
    };
    map.push(("class", class.to_owned()));
    if codec == CompressorName::Lz4High {
        map.push(("lz4_compressor_type", "high".to_owned()));
    }
    if let Some(level) = how.codec_level {
        let name = match codec {
            CompressorName::Lz4High => "lz4_high_compressor_level",
            CompressorName::Zstd => "compression_level",
            _ => return Err(Failure::usage("--codec-level: lz4-high and zstd alone have levels")),
        };
        map.push((name, level.to_string()));
    }
    if let Some(kib) = how.chunk_length_kb {
        map.push(("chunk_length_in_kb", kib.to_string()));
    }
    if let Some(ratio) = how.min_compress_ratio {
        map.push(("min_compress_ratio", ratio.to_string()));
    }
    let map = map.iter().map(|(name, value)| (*name, value.as_str()));
    let params = CompressionParams::from_options(map).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Compression::Use(params))
}
