//! Several files in one input, and corrected checksums, so that mutations get past them.

/// Joins parts: each with its length in four bytes before it, but the last, which takes the rest.
pub fn join(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        if index + 1 < parts.len() {
            out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        }
        out.extend_from_slice(part);
    }
    out
}

/// Takes `N` parts apart; lengths that reach too far take what there is.
pub fn split<const N: usize>(mut input: &[u8]) -> [&[u8]; N] {
    let mut parts = [&[][..]; N];
    for (index, part) in parts.iter_mut().enumerate() {
        if index + 1 == N {
            *part = input;
            break;
        }
        let Some((len, rest)) = input.split_first_chunk::<4>() else { break };
        let len = usize::try_from(u32::from_be_bytes(*len)).unwrap_or(usize::MAX).min(rest.len());
        (*part, input) = rest.split_at(len);
    }
    parts
}

/// Makes the checksums of a Statistics.db match its bytes, as far as its table of contents makes
/// sense.
pub fn reseal_statistics(bytes: &mut [u8]) {
    let Some(count) = bytes.first_chunk::<4>().map(|count| u32::from_be_bytes(*count) as usize) else {
        return;
    };
    let Some(toc_end) = count.checked_mul(8).and_then(|len| len.checked_add(8)) else { return };
    if toc_end + 4 > bytes.len() {
        return;
    }
    let crc = crc32fast::hash(&bytes[..4]);
    bytes[4..8].copy_from_slice(&crc.to_be_bytes());
    let mut toc = bytes[..4].to_vec();
    toc.extend_from_slice(&bytes[8..toc_end]);
    let crc = crc32fast::hash(&toc);
    bytes[toc_end..toc_end + 4].copy_from_slice(&crc.to_be_bytes());
    let offset = |entry: &[u8]| u32::from_be_bytes([entry[4], entry[5], entry[6], entry[7]]) as usize;
    let mut offsets: Vec<usize> = bytes[8..toc_end].chunks_exact(8).map(offset).collect();
    offsets.push(bytes.len());
    offsets.sort_unstable();
    for range in offsets.windows(2) {
        let [start, end] = [range[0], range[1]].map(|offset| offset.min(bytes.len()));
        if start > toc_end && end >= start + 4 {
            let crc = crc32fast::hash(&bytes[start..end - 4]);
            bytes[end - 4..end].copy_from_slice(&crc.to_be_bytes());
        }
    }
}
