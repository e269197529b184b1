//! Finds the chunks of a compressed Data.db without CompressionInfo.db.
//!
//! Each payload is followed by its CRC32, and the first begins the file: a chunk ends where the
//! checksum of the bytes since its start follows, and these bytes decompress. A payload has such a
//! place by chance once in 2^32 bytes, and hardly ever decompresses then.

use helenus_io::ReadFile;

use super::codec::Decompressor;
use super::{CRC_LEN, Codec, CompressionInfo, NEVER_RAW};
use crate::error::SsTableError;

/// Longest chunk that is looked for where nothing says how long they are: Cassandra's tables have 4
/// to 64 KiB.
const LONGEST_CHUNK: u32 = 1 << 20;
/// The chunk length that is assumed if there is only one chunk, and it is shorter: Cassandra's
/// default.
const USUAL_CHUNK: usize = 16 << 10;
/// Longest chunk without any data, which compactions leave after the last one, with its checksum.
const EMPTY_CHUNK_LEN: u64 = 32;
/// Bytes taken from the file at once.
const PIECE_LEN: u64 = 64 << 10;

impl CompressionInfo {
    /// The chunks of `file` from the first on, without any knowledge; `None` unless all of the file
    /// is chunks.
    pub(crate) fn recover(
        file: &dyn ReadFile,
        file_len: u64,
    ) -> Result<Option<CompressionInfo>, SsTableError> {
        let mut search = Search { file, file_len, decompressor: Decompressor::default() };
        let Some((codec, chunk_len)) = search.first()? else { return Ok(None) };
        let mut info = CompressionInfo {
            class: codec.simple_class_name().to_owned(),
            options: Vec::new(),
            chunk_len,
            max_compressed: NEVER_RAW,
            data_len: 0,
            offsets: Vec::new(),
        };
        let mut at = 0;
        while at < file_len {
            let Some(payload) = search.chunk(at, &info)? else { return Ok(None) };
            info.offsets.push(at);
            info.data_len += payload.data_len;
            at += payload.len + CRC_LEN;
        }
        Ok((!info.offsets.is_empty()).then_some(info))
    }

    /// The same chunks at other offsets: from chunk `first` on, whose own offset is right, the file
    /// is searched. `None` if they are where this says.
    pub(crate) fn relocate(
        &self,
        file: &dyn ReadFile,
        file_len: u64,
        first: u32,
    ) -> Result<Option<CompressionInfo>, SsTableError> {
        let mut search = Search { file, file_len, decompressor: Decompressor::default() };
        let kept = usize::try_from(first).unwrap_or(usize::MAX);
        let Some((offsets, rest)) = self.offsets.split_at_checked(kept) else { return Ok(None) };
        let Some(&start) = rest.first() else { return Ok(None) };
        let mut info = CompressionInfo { offsets: offsets.to_vec(), ..self.clone() };
        let mut at = start;
        let mut data_len = offsets.len() as u64 * u64::from(self.chunk_len);
        while at < file_len {
            info.offsets.push(at);
            match search.chunk(at, self)? {
                Some(payload) => {
                    at += payload.len + CRC_LEN;
                    data_len += payload.data_len;
                }
                // Damaged itself: the next one is where it is said to be.
                None => match self.offsets.iter().find(|offset| **offset > at) {
                    Some(&next) => {
                        at = next;
                        data_len += u64::from(self.chunk_len);
                    }
                    None => break,
                },
            }
        }
        if at == file_len {
            info.data_len = data_len;
        }
        let needed = info.data_len.div_ceil(u64::from(info.chunk_len));
        let count = info.offsets.len() as u64;
        let is_other = info.offsets != self.offsets || info.data_len != self.data_len;
        Ok((is_other && (needed..=needed + 1).contains(&count)).then_some(info))
    }
}

struct Payload {
    len: u64,
    data_len: u64,
}

struct Search<'a> {
    file: &'a dyn ReadFile,
    file_len: u64,
    decompressor: Decompressor,
}

impl Search<'_> {
    /// Codec and chunk length, by the first chunk.
    fn first(&mut self) -> Result<Option<(Codec, u32)>, SsTableError> {
        let mut found = None;
        let codecs = [Codec::Lz4, Codec::Snappy, Codec::Zstd, Codec::Deflate, Codec::Noop];
        let is_alone = |len: usize, file_len: u64| len as u64 + CRC_LEN == file_len;
        let file_len = self.file_len;
        self.find(0, LONGEST_CHUNK, &mut |decompressor, payload| {
            let fit = |codec: &Codec| {
                let len = decompressor.data_len(*codec, payload, LONGEST_CHUNK)?;
                let chunk_len = if is_alone(payload.len(), file_len) {
                    len.max(USUAL_CHUNK).next_power_of_two()
                } else {
                    Some(len).filter(|len| len.is_power_of_two())?
                };
                Some((*codec, u32::try_from(chunk_len).ok()?))
            };
            found = codecs.iter().filter(|codec| codec.is_available()).find_map(fit);
            found.map(|_| 0)
        })?;
        Ok(found)
    }

    /// The chunk that begins at `at`.
    fn chunk(&mut self, at: u64, info: &CompressionInfo) -> Result<Option<Payload>, SsTableError> {
        let Some(codec) = Codec::from_class(&info.class) else { return Ok(None) };
        let (chunk_len, max, file_len) = (info.chunk_len, info.max_compressed, self.file_len);
        self.find(at, chunk_len, &mut |decompressor, payload| {
            let payload_len = u32::try_from(payload.len()).ok()?;
            let is_last = at + u64::from(payload_len) + CRC_LEN + EMPTY_CHUNK_LEN > file_len;
            if max != NEVER_RAW && payload_len >= max {
                return (payload_len == chunk_len).then_some(u64::from(chunk_len));
            }
            let len = decompressor.data_len(codec, payload, chunk_len)? as u64;
            (len == u64::from(chunk_len) || is_last).then_some(len)
        })
    }

    /// The first place after `start` at which the checksum of the bytes between follows, if
    /// `accept` recognises them as a payload and returns its length in bytes of data.
    fn find(
        &mut self,
        start: u64,
        chunk_len: u32,
        accept: &mut dyn FnMut(&mut Decompressor, &[u8]) -> Option<u64>,
    ) -> Result<Option<Payload>, SsTableError> {
        let longest = u64::from(chunk_len) + u64::from(chunk_len / 4) + 1024 + CRC_LEN;
        let most = longest.min(self.file_len.saturating_sub(start));
        let mut bytes: Vec<u8> = Vec::new();
        let mut crc = crc32fast::Hasher::new();
        let mut len = 0;
        while (bytes.len() as u64) < most {
            let at = bytes.len();
            let piece = PIECE_LEN.min(most - at as u64);
            bytes.resize(at + usize::try_from(piece).unwrap_or(0), 0);
            self.file.read_exact_at(start + at as u64, bytes.get_mut(at..).unwrap_or_default())?;
            while let Some(&stored) = bytes.get(len..).and_then(|rest| rest.first_chunk()) {
                if u32::from_be_bytes(stored) == crc.clone().finalize()
                    && let Some(data_len) =
                        accept(&mut self.decompressor, bytes.get(..len).unwrap_or_default())
                {
                    return Ok(Some(Payload { len: len as u64, data_len }));
                }
                crc.update(bytes.get(len..=len).unwrap_or_default());
                len += 1;
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use helenus_io::{Disk, RealDisk};

    use super::*;
    use crate::compression::codec::Compressor;
    use crate::compression::{ChunkWriter, CompressionParams};

    /// Writes data, and compares what is found out with what the writer says.
    #[track_caller]
    fn check(params: CompressionParams, data: &[u8]) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("Data.db");
        let mut writer = ChunkWriter::new(RealDisk.create_new(&path).unwrap(), Some(params.clone())).unwrap();
        writer.append(data).unwrap();
        let written = writer.finish().unwrap();
        let info = written.compression_info.unwrap();
        let file: Arc<dyn ReadFile> = RealDisk.open_read(&path).unwrap();
        let len = file.len().unwrap();
        let found = CompressionInfo::recover(&*file, len).unwrap().unwrap();
        assert_eq!((found.data_len, &found.offsets), (info.data_len, &info.offsets), "{params:?}");
        assert_eq!(Codec::from_class(&found.class), Some(params.codec));
        // Every offset wrong in turn.
        for wrong in 1..info.offsets.len() {
            let mut moved = info.clone();
            moved.offsets[wrong] += 1;
            let first = u32::try_from(wrong).unwrap() - 1;
            let found = moved.relocate(&*file, len, first).unwrap().unwrap();
            assert_eq!(found, info);
            assert_eq!(info.relocate(&*file, len, first).unwrap(), None);
        }
        // As a compaction leaves it, with an empty chunk after the last one.
        let file = RealDisk.open_write(&path).unwrap();
        let mut empty = Vec::new();
        Compressor::new(params.codec, params.level()).unwrap().compress(&[], &mut empty).unwrap();
        empty.extend_from_slice(&crc32fast::hash(&empty).to_be_bytes());
        file.write_at(len, &empty).unwrap();
        let file: Arc<dyn ReadFile> = RealDisk.open_read(&path).unwrap();
        let found = CompressionInfo::recover(&*file, file.len().unwrap()).unwrap().unwrap();
        assert_eq!((found.data_len, found.offsets.len()), (info.data_len, info.offsets.len() + 1));
        RealDisk.open_write(&path).unwrap().set_len(len).unwrap();

        let shorter = CompressionInfo { data_len: info.data_len - 1, ..info.clone() };
        let last = u32::try_from(info.offsets.len()).unwrap() - 1;
        assert_eq!(shorter.relocate(&*file, len, last).unwrap().unwrap(), info);
    }

    #[test]
    fn chunks_are_found_by_their_checksums() {
        let text: Vec<u8> = (0..9000_u32).flat_map(|i| format!("row {i}, ").into_bytes()).collect();
        for codec in [Codec::Lz4, Codec::Snappy, Codec::Zstd, Codec::Deflate, Codec::Noop] {
            if codec.is_available() {
                let params = CompressionParams { chunk_len: 16 << 10, ..CompressionParams::new(codec) };
                check(params.clone(), &text);
                check(CompressionParams { chunk_len: 64 << 10, ..params }, &text);
            }
        }
    }
}
