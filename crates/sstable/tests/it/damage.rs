//! Every byte of every file flipped: an error that names the place, or the same rows.

use std::path::Path;
use std::sync::Arc;

use helenus_io::{Disk, FileWriter, RealDisk, read_to_vec};
use helenus_rows::{Direction, Slices};
use helenus_sim::SimDisk;
use helenus_sstable::{
    Component, CompressionParams, Descriptor, DumpOptions, RowReader, SearchKey, SsTable, SsTableError,
    StaticRow, Version, dump,
};

use crate::building::{DIR, descriptor, header, opened, sim, write_small};
use crate::corpus::{root, tables};
use crate::reading::{Copied, Partition, all, try_all};

/// Everything that is found in every way, or the first error.
fn read(table: &Arc<SsTable>, expected: &[Partition]) -> Result<Vec<Partition>, SsTableError> {
    let found = try_all(table.scan())?;
    let mut reader = RowReader::new();
    for partition in expected {
        let search = SearchKey::of(table.partitioner().clone(), &partition.key);
        for direction in [Direction::Forward, Direction::Reverse] {
            let Some(stream) = table.partition(
                &search,
                &Slices::ALL,
                direction,
                StaticRow::Wanted,
                &table.header().clustering,
            )?
            else {
                return Ok(Vec::new());
            };
            let mut one = try_all(stream)?;
            if direction == Direction::Reverse {
                one.iter_mut().for_each(|one| one.unfiltereds.reverse());
            }
            if one.len() != 1 || one[0] != *partition {
                return Ok(one);
            }
        }
        for unfiltered in &partition.unfiltereds {
            if let Copied::Row { clustering, packed } = unfiltered {
                let Some(point) = reader.row(table, &search, clustering, &table.header().clustering)? else {
                    return Ok(Vec::new());
                };
                let mut row = Vec::new();
                if let Some(found) = point.row {
                    found.pack(&mut row);
                }
                if row != *packed {
                    return Ok(Vec::new());
                }
            }
        }
    }
    Ok(found)
}

#[test]
fn our_own_tables_are_never_read_wrongly() {
    let header = header(1_700_000_000_000_000);
    let compressed = [Some(CompressionParams::default()), None];
    for (version, compression) in
        Version::WRITABLE.into_iter().flat_map(|v| compressed.clone().map(|c| (v, c)))
    {
        let (disk, shared) = sim();
        let is_compressed = compression.is_some();
        let table = Descriptor { version, ..descriptor(1) };
        write_small(&shared, &table, &header, compression).unwrap().unwrap();
        let expected = all(opened(&shared, &table).unwrap().scan());
        let masks: &[u8] = if version == Version::DA { &[0x01, 0x80] } else { &[0x04] };
        let noticed = sweep(&disk, &table, u64::MAX, masks, |what, read_table| {
            let found = read_table.and_then(|table| read(&table, &expected));
            match found {
                Err(error) => {
                    assert!(error.to_string().contains(&format!("{table}-")), "{error}");
                    true
                }
                // Before 4.0 the format has no checksum of Statistics.db, and its releases change
                // the file in place.
                Ok(_) if !version.has_metadata_checksum() && what.contains("-Statistics.db") => false,
                Ok(found) => {
                    assert!(found == expected, "{what}");
                    false
                }
            }
        });
        println!("{version}, compressed {is_compressed}: {noticed} flips noticed");
        assert!(noticed > 1000);
    }
}

#[test]
fn damage_to_tables_of_cassandra_never_panics_and_is_dumped_around() {
    let Some(root) = root() else { return };
    for (folder, masks) in
        [("da/comp_none", &[0x80][..]), ("da/statics_only", &[0x10]), ("da/spanning", &[0xff])]
    {
        let table = tables(&root, folder).remove(0);
        let disk = SimDisk::new();
        disk.create_dir_all(Path::new(DIR)).unwrap();
        for component in &table.components {
            let bytes = read_to_vec(&RealDisk, &table.descriptor.path(component), 1 << 24).unwrap();
            let name = descriptor(1).path(component);
            let mut file = FileWriter::new(disk.create_new(&name).unwrap());
            file.append(&bytes).unwrap();
            file.finish().unwrap();
        }
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let expected: Vec<Partition> = all(opened(&shared, &descriptor(1)).unwrap().scan());
        let few = &expected[..expected.len().min(2)];
        let mut count = 0_u32;
        let noticed = sweep(&disk, &descriptor(1), 300, masks, |_, table| {
            count += 1;
            let Ok(table) = table else { return true };
            if count.is_multiple_of(16) {
                dump(&table, DumpOptions::default(), &mut std::io::sink()).unwrap();
            }
            read(&table, few).is_err()
        });
        println!("{folder}: {noticed} of {count} flips noticed");
    }
}

/// Flips a byte at about `places` places of each file of the table with each mask; returns the
/// number of detected flips.
fn sweep(
    disk: &SimDisk,
    table: &Descriptor,
    places: u64,
    masks: &[u8],
    mut check: impl FnMut(&str, Result<Arc<SsTable>, SsTableError>) -> bool,
) -> usize {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut noticed = 0;
    for entry in disk.list(&table.dir).unwrap() {
        let path = table.dir.join(&entry.name);
        let step = usize::try_from(entry.len / places + 1).unwrap();
        for offset in (0..entry.len).step_by(step) {
            for mask in masks {
                disk.flip(&path, offset, *mask).unwrap();
                let what = format!("{} at {offset} with {mask:02x}", path.display());
                noticed += usize::from(check(&what, opened(&shared, table)));
                disk.flip(&path, offset, *mask).unwrap();
            }
        }
    }
    noticed
}

#[test]
fn an_error_names_file_place_and_partition() {
    let header = header(1_700_000_000_000_000);
    let (disk, shared) = sim();
    write_small(&shared, &descriptor(1), &header, Some(CompressionParams::default())).unwrap().unwrap();
    let key = all(opened(&shared, &descriptor(1)).unwrap().scan()).remove(0).key;
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    disk.flip(&descriptor(1).path(&Component::Data), 40, 1).unwrap();
    let table = opened(&shared, &descriptor(1)).unwrap();
    let search = SearchKey::of(table.partitioner().clone(), &key);
    let found = table
        .partition(&search, &Slices::ALL, Direction::Forward, StaticRow::Wanted, &table.header().clustering)
        .map(|stream| try_all(stream.unwrap()));
    let error = found.and_then(|found| found).unwrap_err().to_string();
    for part in [
        "da-1-bti-Data.db: corrupt at offset 0: expected",
        "checksum",
        "read for offset",
        &format!("in partition '{}' (0x{hex})", String::from_utf8(key.clone()).unwrap()),
    ] {
        assert!(error.contains(part), "{error}");
    }
}
