//! A sequence in blocks, of which clones share what neither has changed since.

use std::collections::VecDeque;
use std::sync::Arc;

/// Items of a block, and blocks of a run.
const FANOUT: usize = 64;
/// The first block starts small: most lists have few items.
const FIRST_CAPACITY: usize = 4;
/// Bytes that an `Arc` of a node takes in addition to its items: two counts and the node.
const NODE_BYTES: usize = 2 * size_of::<usize>() + size_of::<VecDeque<u8>>();

type Node<T> = VecDeque<T>;
type Run<T> = Node<Arc<Node<T>>>;

/// Items in an order that its user keeps: a list of runs of blocks of at most 64 items.
///
/// A clone copies the list of runs (an item in 4,096 has one). A change of a list that has clones
/// also copies the run and the block that it is in, however long the list is.
///
/// Invariants: no run and no block is empty or longer than 64.
#[derive(Debug)]
pub struct BlockList<T> {
    runs: Node<Arc<Run<T>>>,
    len: usize,
    heap: usize,
}

/// A place on an item of a [`BlockList`], or after the last. Only of use with the list that it came
/// from, until that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    run: usize,
    block: usize,
    item: usize,
}

impl Place {
    /// The first item, if there is one.
    pub const FIRST: Self = Self { run: 0, block: 0, item: 0 };
}

impl<T> Default for BlockList<T> {
    fn default() -> Self {
        Self { runs: Node::new(), len: 0, heap: 0 }
    }
}

impl<T> Clone for BlockList<T> {
    /// Shares all runs, and keeps room for as many.
    fn clone(&self) -> Self {
        Self { runs: copied(&self.runs), len: self.len, heap: self.heap }
    }
}

impl<T> BlockList<T> {
    /// Whether there is no item.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Number of items.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes on the heap, including those shared with clones, without the items' own allocations.
    #[inline]
    pub fn heap_len(&self) -> usize {
        self.heap
    }

    /// The item at a place.
    #[inline]
    pub fn get(&self, place: Place) -> Option<&T> {
        self.runs.get(place.run)?.get(place.block)?.get(place.item)
    }

    /// The first item.
    #[inline]
    pub fn first(&self) -> Option<&T> {
        self.runs.front()?.front()?.front()
    }

    /// The last item and its place.
    #[inline]
    pub fn last(&self) -> Option<(Place, &T)> {
        let run = self.runs.back()?;
        let block = run.back()?;
        let place = Place { run: self.runs.len() - 1, block: run.len() - 1, item: block.len() - 1 };
        Some((place, block.back()?))
    }

    /// The place after the last item.
    #[inline]
    pub fn end(&self) -> Place {
        Place { run: self.runs.len(), block: 0, item: 0 }
    }

    /// The place of the first item of which `is_before` is false, where it is true of all before
    /// that one.
    #[inline]
    pub fn partition_point(&self, is_before: impl Fn(&T) -> bool) -> Place {
        let block_is_before = |block: &Arc<Node<T>>| block.back().is_some_and(&is_before);
        let run = self.runs.partition_point(|run| run.back().is_some_and(block_is_before));
        let Some(blocks) = self.runs.get(run) else { return self.end() };
        let block = blocks.partition_point(block_is_before);
        let item = blocks.get(block).map_or(0, |items| items.partition_point(&is_before));
        Place { run, block, item }
    }

    /// The place after one.
    #[inline]
    pub fn next(&self, place: Place) -> Place {
        let Place { run, block, item } = place;
        let Some(blocks) = self.runs.get(run) else { return place };
        if blocks.get(block).is_some_and(|items| item + 1 < items.len()) {
            Place { item: item + 1, ..place }
        } else if block + 1 < blocks.len() {
            Place { run, block: block + 1, item: 0 }
        } else {
            Place { run: run + 1, block: 0, item: 0 }
        }
    }

    /// The place before one; `None` before the first.
    #[inline]
    pub fn previous(&self, place: Place) -> Option<Place> {
        let Place { run, block, item } = place;
        if item > 0 {
            return Some(Place { item: item - 1, ..place });
        }
        let (run, block) = match block.checked_sub(1) {
            Some(block) => (run, block),
            None => (run.checked_sub(1)?, self.runs.get(run - 1)?.len() - 1),
        };
        let item = self.runs.get(run)?.get(block)?.len() - 1;
        Some(Place { run, block, item })
    }
}

impl<T: Clone> BlockList<T> {
    /// The item at a place, to be changed.
    #[inline]
    pub fn get_mut(&mut self, place: Place) -> Option<&mut T> {
        let run = owned(self.runs.get_mut(place.run)?);
        owned(run.get_mut(place.block)?).get_mut(place.item)
    }

    /// Inserts an item before the one at a place, or at the end. Items that come in ascending or
    /// descending order leave full blocks.
    pub fn insert(&mut self, place: Place, item: T) {
        self.len += 1;
        let is_end = place.run >= self.runs.len();
        let at = if is_end { self.runs.len().saturating_sub(1) } else { place.run };
        let is_last_run = at + 1 == self.runs.len();
        let before = self.runs.capacity();
        let Some(run) = self.runs.get_mut(at) else {
            let (block, block_bytes) = node(item, FIRST_CAPACITY);
            let (run, run_bytes) = node(Arc::new(block), 1);
            self.runs.reserve_exact(1);
            self.runs.push_back(Arc::new(run));
            self.heap += block_bytes + run_bytes + self.runs.capacity() * size_of::<usize>();
            return;
        };
        let run = owned(run);
        let block_at = if is_end { run.len() - 1 } else { place.block };
        let edges = Edges { first: at == 0 && block_at == 0, last: is_last_run && block_at + 1 == run.len() };
        let Some(block) = run.get_mut(block_at) else { unreachable!("an item's place is in the list") };
        let item_at = if is_end { block.len() } else { place.item };
        let (spilled, grown) = put(owned(block), item_at, item, edges);
        self.heap += grown;
        let Some((block, side)) = spilled else { return };
        let edges = Edges { first: at == 0, last: is_last_run };
        let (spilled, grown) = put(run, block_at + side, Arc::new(block), edges);
        self.heap += grown;
        if let Some((run, side)) = spilled {
            self.runs.insert(at + side, Arc::new(run));
            self.heap += (self.runs.capacity() - before) * size_of::<usize>();
        }
    }

    /// Takes an item out; the place is that of the item after it then.
    pub fn remove(&mut self, place: Place) -> Option<(Place, T)> {
        let next = self.next(place);
        let run = owned(self.runs.get_mut(place.run)?);
        let block = owned(run.get_mut(place.block)?);
        let item = block.remove(place.item)?;
        self.len -= 1;
        let mut next = if next.block == place.block && next.run == place.run { place } else { next };
        if block.is_empty() {
            self.heap -= NODE_BYTES + block.capacity() * size_of::<T>();
            run.remove(place.block);
            if next.run == place.run {
                next = Place { item: 0, ..place };
            }
        }
        if run.is_empty() {
            self.heap -= NODE_BYTES + run.capacity() * size_of::<usize>();
            self.runs.remove(place.run);
            next = Place { run: place.run, block: 0, item: 0 };
        }
        Some((next, item))
    }
}

/// Whether a node is the first or the last of the whole list on its level.
#[derive(Clone, Copy)]
struct Edges {
    first: bool,
    last: bool,
}

/// A node with one item, and the bytes that it takes.
fn node<T>(item: T, capacity: usize) -> (Node<T>, usize) {
    let mut node = Node::with_capacity(capacity);
    node.push_back(item);
    let bytes = NODE_BYTES + node.capacity() * size_of::<T>();
    (node, bytes)
}

/// Puts an item into a node. A full one spills into a neighbour, on its left (0) or on its right
/// (1). With it come the bytes newly allocated.
fn put<T>(node: &mut Node<T>, at: usize, item: T, edges: Edges) -> (Option<(Node<T>, usize)>, usize) {
    if node.len() < FANOUT {
        let before = node.capacity();
        node.insert(at, item);
        return (None, (node.capacity() - before) * size_of::<T>());
    }
    let edge = [(edges.last && at == node.len(), 1), (edges.first && at == 0, 0)];
    if let Some((_, side)) = edge.into_iter().find(|(is_there, _)| *is_there) {
        let (neighbour, bytes) = self::node(item, FANOUT);
        return (Some((neighbour, side)), bytes);
    }
    // The upper half gets capacity for as many items again.
    let mut upper = Node::with_capacity(FANOUT);
    upper.extend(node.drain(FANOUT / 2..));
    match at.checked_sub(FANOUT / 2) {
        Some(at) if at > 0 => upper.insert(at, item),
        _ => node.insert(at, item),
    }
    let bytes = NODE_BYTES + upper.capacity() * size_of::<T>();
    (Some((upper, 1)), bytes)
}

/// A node that no clone shares: a copy with the same capacity if clones have it as well.
#[inline]
fn owned<T: Clone>(shared: &mut Arc<Node<T>>) -> &mut Node<T> {
    if Arc::strong_count(shared) > 1 {
        copy(shared);
    }
    Arc::make_mut(shared)
}

#[cold]
fn copy<T: Clone>(shared: &mut Arc<Node<T>>) {
    *shared = Arc::new(copied(shared));
}

/// A copy with the same room, which is counted once.
fn copied<T: Clone>(node: &Node<T>) -> Node<T> {
    let mut copy = Node::with_capacity(node.capacity());
    copy.extend(node.iter().cloned());
    copy
}
