//! Every codec with every option, over chunks that fill up and chunks that don't.

use std::path::Path;
use std::sync::Arc;

use helenus_io::Disk;
use helenus_sim::SimDisk;
use helenus_sstable::{
    ChunkReader, ChunkScratch, ChunkVerification, ChunkWriter, ChunkedFile, CompressionInfo,
    CompressionParams, Version,
};

const PATH: &str = "/d-Data.db";

/// Words, then bytes of no pattern, by turns of a page.
fn mixed(len: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let mut word = b"tables of rows of cells of bytes ".iter().cycle();
    (0..len).map(|at| if at / 4096 % 2 == 0 { *word.next().unwrap() } else { noise() }).collect()
}

/// Writes `data` in pieces and reads it back; the bytes of the file.
fn round_trip(params: Option<CompressionParams>, data: &[u8]) -> (u64, Option<CompressionInfo>) {
    let sim = SimDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(sim);
    let mut writer = ChunkWriter::new(disk.create_new(Path::new(PATH)).unwrap(), params).unwrap();
    for piece in data.chunks(3001) {
        writer.append(piece).unwrap();
    }
    let written = writer.finish().unwrap();
    assert_eq!(written.data_len, data.len() as u64);
    let info = written.compression_info;
    let chunks = match &info {
        Some(info) => {
            let bytes = info.encode(Version::DA);
            let again = CompressionInfo::decode(Path::new("c"), &bytes, Version::DA).unwrap();
            ChunkedFile::compressed(PATH, written.file_len, again).unwrap()
        }
        None => ChunkedFile::plain(PATH, written.file_len, written.crc).unwrap(),
    };
    let reader = ChunkReader::new(Arc::new(chunks), disk.open_read(Path::new(PATH)).unwrap());
    let mut scratch = ChunkScratch::default();
    let mut found = Vec::new();
    for chunk in 0..reader.chunks().chunk_count() {
        reader.append(chunk, ChunkVerification::Check, &mut scratch, &mut found).unwrap();
    }
    assert!(found == data);
    (written.file_len, info)
}

fn params(options: &str) -> Option<CompressionParams> {
    CompressionParams::from_options(options.split(' ').map(|pair| pair.split_once('=').unwrap())).unwrap()
}

#[test]
fn every_codec_with_every_option() {
    let codecs = [
        "class=LZ4Compressor".to_owned(),
        "class=LZ4Compressor lz4_compressor_type=fast lz4_high_compressor_level=17".to_owned(),
        "class=LZ4Compressor lz4_compressor_type=high".to_owned(),
        "class=SnappyCompressor".to_owned(),
        "class=DeflateCompressor".to_owned(),
        "class=ZstdCompressor".to_owned(),
        "class=NoopCompressor".to_owned(),
        "enabled=false".to_owned(),
    ];
    let high = (1..=17)
        .map(|n| format!("class=LZ4Compressor lz4_compressor_type=high lz4_high_compressor_level={n}"));
    let zstd = [-131_072, -5, 1, 9, 19, 22].map(|n| format!("class=ZstdCompressor compression_level={n}"));
    for codec in codecs.into_iter().chain(high).chain(zstd) {
        // One byte, a short chunk, whole chunks, whole chunks and a byte.
        for len in [1, 4095, 16_384, 3 * 16_384, 70_001] {
            for more in ["", " chunk_length_in_kb=4", " min_compress_ratio=1.1", " min_compress_ratio=1.0"] {
                let on = !codec.starts_with("enabled");
                round_trip(params(&if on { format!("{codec}{more}") } else { codec.clone() }), &mixed(len));
            }
        }
    }
}

#[test]
fn levels_are_what_is_written() {
    let data = mixed(200_000);
    let len = |options: &str| round_trip(params(options), &data).0;
    let lz4 = |more: &str| len(&format!("class=LZ4Compressor chunk_length_in_kb=64{more}"));
    let (fast, high) = (lz4(""), lz4(" lz4_compressor_type=high"));
    assert!(high < fast, "{high} {fast}");
    assert_eq!(high, lz4(" lz4_compressor_type=high lz4_high_compressor_level=9"));
    assert!(lz4(" lz4_compressor_type=high lz4_high_compressor_level=17") <= high);
    // The fast type ignores a level.
    assert_eq!(fast, lz4(" lz4_high_compressor_level=17"));
    let zstd = |level: i32| len(&format!("class=ZstdCompressor compression_level={level}"));
    assert!(zstd(19) < zstd(-100));
    assert_eq!(zstd(3), len("class=ZstdCompressor"));
}

#[test]
fn chunks_that_do_not_shrink_are_stored_raw() {
    // Chunks of 4 KiB: words and noise by turns, then words again, and a last one of 100 bytes.
    let (_, info) = round_trip(
        params("class=LZ4Compressor chunk_length_in_kb=4 min_compress_ratio=1.1"),
        &mixed(3 * 4096 + 4096 - 3996),
    );
    let offsets = info.unwrap().offsets;
    let lens: Vec<u64> = offsets.windows(2).map(|pair| pair[1] - pair[0] - 4).collect();
    assert!(lens[0] < 100 && lens[1] == 4096 && lens[2] < 100, "{lens:?}");
    let (file_len, _) = round_trip(
        params("class=SnappyCompressor chunk_length_in_kb=4 min_compress_ratio=1.0"),
        &mixed(8192)[4096..4200],
    );
    // No shorter than a chunk of ratio 1 may be: 104 bytes of noise grow, but not to 4096.
    assert!(file_len < 4096, "{file_len}");
    let noise = mixed(8192).split_off(4096);
    let (file_len, _) =
        round_trip(params("class=NoopCompressor chunk_length_in_kb=4 min_compress_ratio=2"), &noise[..3000]);
    assert_eq!(file_len, 3000 + 4);
    let (file_len, _) =
        round_trip(params("class=NoopCompressor chunk_length_in_kb=4 min_compress_ratio=2"), &noise[..2048]);
    assert_eq!(file_len, 2048 + 4);
    // Longer than the limit by what the compressor adds, and shorter before: zeros up to the limit.
    let (file_len, info) =
        round_trip(params("class=LZ4Compressor chunk_length_in_kb=4 min_compress_ratio=2"), &noise[..2046]);
    assert_eq!((file_len, info.unwrap().max_compressed), (2048 + 4, 2048));
}
