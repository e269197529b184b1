//! Lists in blocks beside a plain list: what is in them, and the memory that they say they take.

use helenus_rows::{BlockList, Place};
use helenus_testkit::histories::Rng;

fn check(list: &BlockList<u64>, expected: &[u64]) {
    let mut place = Place::FIRST;
    let mut found = Vec::new();
    while let Some(item) = list.get(place) {
        found.push(*item);
        place = list.next(place);
    }
    assert_eq!(found, expected);
    assert_eq!((list.len(), list.is_empty()), (expected.len(), expected.is_empty()));
    assert_eq!((list.first(), list.last().map(|(_, item)| item)), (expected.first(), expected.last()));
}

/// Ten thousand items, in three runs; a clone keeps what it had, and a list that gave all its items
/// back takes no more than the place of its runs.
#[test]
fn items_come_and_go() {
    for seed in 0..3 {
        let mut rng = Rng::new(seed);
        let (mut list, mut plain) = (BlockList::default(), Vec::new());
        for item in 0..10_000_u64 {
            // Every other seed at the end, where most items come.
            let value = if seed == 0 { item } else { item * 611_953 % 10_007 };
            let at = plain.partition_point(|other| *other < value);
            let place = list.partition_point(|other| *other < value);
            list.insert(place, value);
            plain.insert(at, value);
        }
        check(&list, &plain);
        let (whole, before) = (list.clone(), plain.clone());
        let full = list.heap_len();
        assert!(full >= 10_000 * size_of::<u64>() && full < 40_000 * size_of::<u64>(), "{full} bytes");
        while !plain.is_empty() {
            // Stretches, so that whole blocks and runs become empty.
            let at = rng.below(plain.len());
            let mut place = list.partition_point(|other| *other < plain[at]);
            let end = (at + 1 + rng.below(3_000)).min(plain.len());
            for expected in plain.drain(at..end) {
                let (next, item) = list.remove(place).unwrap();
                assert_eq!(item, expected);
                place = next;
            }
            assert_eq!(list.get(place), plain.get(at));
            assert!(list.heap_len() < full);
            check(&list, &plain);
        }
        assert!(list.heap_len() < 16 * size_of::<u64>(), "{} bytes are left", list.heap_len());
        check(&whole, &before);
        assert_eq!(whole.heap_len(), full);
    }
}
