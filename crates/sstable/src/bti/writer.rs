//! Writes a trie from its keys in ascending order, laid out as Cassandra does, byte for byte.
//!
//! Nodes of the path to the last key are *open*. A node that the next key leaves is *complete*:
//! while it and the unwritten branch below fit a page it stays in memory; otherwise its children
//! are written, the largest that fits the rest of the page first, so that what is read together
//! tends to share pages. Which node type a node needs depends on the distances to its children, and
//! those of children that are already written (*out of page*) depend on where the node itself ends
//! up: sizes above them are estimates, recomputed before the branch is placed.
//!
//! Memory is bounded by the open path and less than a page of nodes under each of its children.
//! Branches can be as deep as keys are long, so every walk keeps its own stack. (Cassandra:
//! `io.tries.IncrementalDeepTrieWriterPageAware`.)

#![expect(clippy::indexing_slicing, reason = "node ids and slots are this writer's own")]

use thiserror::Error;

use super::output::{IndexOutput, PAGE_BYTES};

/// Input from which an index cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IndexBuildError {
    /// A key that does not follow the one before it: partitions or rows were not in order.
    #[error("keys of an index must ascend")]
    KeysOutOfOrder,
    /// A partition key too long for its 16-bit length.
    #[error("a partition key of {0} bytes is longer than 65535")]
    KeyTooLong(usize),
    /// More blocks or samples than the 32-bit numbers of `big` reach.
    #[error("an index of {0} bytes of blocks is longer than 2 GiB")]
    TooManyBlocks(usize),
}

/// The payload of a node.
pub(super) trait Payload: Copy {
    /// 1 to 15.
    fn flags(&self) -> u8;
    /// The bytes that [`write`](Self::write) appends.
    fn size(&self) -> usize;
    fn write(&self, out: &mut Vec<u8>);
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct TrieWriter<P> {
    nodes: Vec<BranchNode<P>>,
    /// Nodes whose branches were written; their lists of children are used again.
    free: Vec<NodeId>,
    /// From the root to the end of the last key.
    open: Vec<NodeId>,
    last_key: Vec<u8>,
    key_count: u64,
    /// The stacks of the walks, kept for their memory.
    sizing: Vec<Sizing>,
    writing: Vec<Writing>,
}

type NodeId = usize;

/// A node that is not written yet.
#[derive(Debug)]
struct BranchNode<P> {
    children: Vec<Child>,
    payload: Option<P>,
    /// Bytes of the unwritten nodes below. An estimate when `out_of_page_in_branch`.
    branch_size: usize,
    /// Bytes of the node with its payload. An estimate when `out_of_page_children`.
    node_size: usize,
    /// Whether a child is already written.
    out_of_page_children: bool,
    /// Whether an unwritten descendant has a child that is already written.
    out_of_page_in_branch: bool,
}

#[derive(Debug, Clone, Copy)]
struct Child {
    transition: u8,
    place: Place,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Memory(NodeId),
    /// The position in the file.
    File(u64),
}

/// A node whose branch is being measured as if it began at `start`.
#[derive(Debug)]
struct Sizing {
    node: NodeId,
    start: u64,
    slot: usize,
    size: usize,
}

/// A node whose branch is being written.
#[derive(Debug)]
struct Writing {
    node: NodeId,
    slot: usize,
}

/// A node whose children are being laid out: those left, as (size, transition, slot) in ascending
/// order.
struct Layout {
    node: NodeId,
    waiting: Vec<(usize, u8, usize)>,
}

impl<P: Payload> TrieWriter<P> {
    pub(super) fn new() -> TrieWriter<P> {
        let mut writer = TrieWriter {
            nodes: Vec::new(),
            free: Vec::new(),
            open: Vec::new(),
            last_key: Vec::new(),
            key_count: 0,
            sizing: Vec::new(),
            writing: Vec::new(),
        };
        writer.begin();
        writer
    }

    /// Forgets all keys; the nodes written for them stay in the file as garbage that nothing points
    /// to.
    pub(super) fn reset(&mut self) {
        let mut branches: Vec<NodeId> = self.open.first().copied().into_iter().collect();
        while let Some(id) = branches.pop() {
            branches.extend(self.nodes[id].children.iter().filter_map(|child| match child.place {
                Place::Memory(id) => Some(id),
                Place::File(_) => None,
            }));
            self.release(id);
        }
        self.begin();
    }

    fn begin(&mut self) {
        self.open.clear();
        let root = self.allocate();
        self.open.push(root);
        self.last_key.clear();
        self.key_count = 0;
    }

    pub(super) fn key_count(&self) -> u64 {
        self.key_count
    }

    /// Adds a key, which must be greater than the one before it and may extend it.
    pub(super) fn add(
        &mut self,
        key: &[u8],
        payload: P,
        out: &mut IndexOutput,
    ) -> Result<(), IndexBuildError> {
        let common = common_prefix(&self.last_key, key);
        if self.key_count > 0 && key.get(common) <= self.last_key.get(common) {
            return Err(IndexBuildError::KeysOutOfOrder);
        }
        while self.open.len() > common + 1 {
            self.complete_last(out);
        }
        for &transition in &key[common..] {
            let node = self.allocate();
            let parent = self.open[self.open.len() - 1];
            self.nodes[parent].children.push(Child { transition, place: Place::Memory(node) });
            self.open.push(node);
        }
        let last = self.open[self.open.len() - 1];
        self.nodes[last].payload = Some(payload);
        self.last_key.truncate(common);
        self.last_key.extend_from_slice(&key[common..]);
        self.key_count += 1;
        Ok(())
    }

    /// Writes the remaining nodes, forgets all keys, and returns the position of the root.
    pub(super) fn finish(&mut self, out: &mut IndexOutput) -> u64 {
        let root = self.open[0];
        while !self.open.is_empty() {
            self.complete_last(out);
        }
        if self.total_size(root, out.position()) > out.left_in_page() {
            let mut fits = false;
            if self.nodes[root].total() <= PAGE_BYTES {
                out.pad_to_page();
                fits = self.total_size(root, out.position()) <= PAGE_BYTES;
            }
            if !fits {
                self.lay_out_children(root, out);
                if self.nodes[root].node_size > out.left_in_page() {
                    out.pad_to_page();
                    self.total_size(root, out.position());
                }
            }
        }
        let position = self.write_branch(root, out);
        self.begin();
        position
    }

    fn allocate(&mut self) -> NodeId {
        self.free.pop().unwrap_or_else(|| {
            self.nodes.push(BranchNode::new());
            self.nodes.len() - 1
        })
    }

    fn release(&mut self, id: NodeId) {
        self.nodes[id].clear();
        self.free.push(id);
    }

    fn complete_last(&mut self, out: &mut IndexOutput) {
        let Some(id) = self.open.pop() else { unreachable!("a node that is complete was open") };
        let mut branch_size = 0;
        let mut out_of_page_in_branch = false;
        for child in &self.nodes[id].children {
            // Children are only written by the layout of a complete parent.
            let Place::Memory(child) = child.place else { unreachable!("the node was open") };
            let child = &self.nodes[child];
            branch_size += child.total();
            out_of_page_in_branch |= child.out_of_page_children || child.out_of_page_in_branch;
        }
        self.nodes[id].branch_size = branch_size;
        let node_size = self.size_at(id, out.position());
        let node = &mut self.nodes[id];
        if node_size + branch_size < PAGE_BYTES {
            node.node_size = node_size;
            node.out_of_page_children = false;
            node.out_of_page_in_branch = out_of_page_in_branch;
        } else {
            self.lay_out_children(id, out);
        }
    }

    /// Writes all children of a node, the largest that fits the page first.
    fn lay_out_children(&mut self, id: NodeId, out: &mut IndexOutput) {
        let mut layouts = vec![self.layout(id)];
        while let Some(layout) = layouts.last_mut() {
            let node = layout.node;
            if layout.waiting.is_empty() {
                layouts.pop();
                self.nodes[node].branch_size = 0;
                self.nodes[node].out_of_page_children = true;
                self.nodes[node].out_of_page_in_branch = false;
                self.nodes[node].node_size = self.size_at(node, out.position());
                if let Some(parent) = layouts.last_mut() {
                    // It was too large for a page and is not any more: it waits for its turn again.
                    self.wait_again(parent, node);
                }
                continue;
            }
            let fitting = layout.waiting.partition_point(|&(size, ..)| size <= out.left_in_page());
            let (_, _, slot) = match fitting.checked_sub(1) {
                Some(largest) => layout.waiting.remove(largest),
                None => {
                    out.pad_to_page();
                    layout.waiting.remove(layout.waiting.len() - 1)
                }
            };
            let Place::Memory(child) = self.nodes[node].children[slot].place else {
                unreachable!("a child that waits is not written")
            };
            if self.nodes[child].is_estimate() && self.total_size(child, out.position()) > out.left_in_page()
            {
                if out.left_in_page() == PAGE_BYTES {
                    let layout = self.layout(child);
                    layouts.push(layout);
                } else {
                    self.wait_again(layout, child);
                }
                continue;
            }
            let position = self.write_branch(child, out);
            self.nodes[node].children[slot].place = Place::File(position);
        }
    }

    fn layout(&self, node: NodeId) -> Layout {
        let mut waiting: Vec<_> = self.nodes[node]
            .children
            .iter()
            .enumerate()
            .filter_map(|(slot, child)| match child.place {
                Place::Memory(id) => Some((self.nodes[id].total(), child.transition, slot)),
                Place::File(_) => None,
            })
            .collect();
        waiting.sort_unstable();
        Layout { node, waiting }
    }

    fn wait_again(&self, layout: &mut Layout, child: NodeId) {
        let children = &self.nodes[layout.node].children;
        let found = children.iter().position(|other| matches!(other.place, Place::Memory(id) if id == child));
        let Some(slot) = found else { unreachable!("what waits is a child") };
        let entry = (self.nodes[child].total(), children[slot].transition, slot);
        let index = layout.waiting.partition_point(|other| *other < entry);
        layout.waiting.insert(index, entry);
    }

    /// The size of a node and its unwritten branch if the branch begins at `start`, recomputed
    /// where it depends on that.
    fn total_size(&mut self, id: NodeId, start: u64) -> usize {
        let mut stack = std::mem::take(&mut self.sizing);
        if self.nodes[id].out_of_page_in_branch {
            stack.push(Sizing { node: id, start, slot: 0, size: 0 });
        } else {
            self.resize(id, start);
        }
        while let Some(top) = stack.last_mut() {
            let begin = top.start + top.size as u64;
            match self.nodes[top.node].children.get(top.slot).map(|child| child.place) {
                Some(Place::File(_)) => top.slot += 1,
                Some(Place::Memory(child)) if self.nodes[child].out_of_page_in_branch => {
                    top.slot += 1;
                    stack.push(Sizing { node: child, start: begin, slot: 0, size: 0 });
                }
                Some(Place::Memory(child)) => {
                    top.slot += 1;
                    top.size += self.resize(child, begin);
                }
                None => {
                    let (node, start, size) = (top.node, top.start, top.size);
                    stack.pop();
                    self.nodes[node].branch_size = size;
                    let total = self.resize(node, start);
                    if let Some(parent) = stack.last_mut() {
                        parent.size += total;
                    }
                }
            }
        }
        self.sizing = stack;
        self.nodes[id].total()
    }

    /// The total size of a node whose branch begins at `start` and has a known size.
    fn resize(&mut self, id: NodeId, start: u64) -> usize {
        if self.nodes[id].is_estimate() {
            self.nodes[id].node_size = self.size_at(id, start + self.nodes[id].branch_size as u64);
        }
        self.nodes[id].total()
    }

    fn size_at(&self, id: NodeId, position: u64) -> usize {
        let node = &self.nodes[id];
        let form = Form::of(&node.children, node.payload.is_some(), self.longest_distance(id, position));
        form.size + node.payload.map_or(0, |payload| payload.size())
    }

    /// The distance from a node at `position` to its farthest child. Of the children that are still
    /// to be written the first one lies farthest; its own branch lies before it.
    fn longest_distance(&self, id: NodeId, position: u64) -> u64 {
        let node = &self.nodes[id];
        let mut longest = 0;
        let mut has_unwritten = false;
        for child in &node.children {
            match child.place {
                Place::File(child) => longest = longest.max(position - child),
                Place::Memory(child) if !has_unwritten => {
                    has_unwritten = true;
                    longest = longest.max((node.branch_size - self.nodes[child].branch_size) as u64);
                }
                Place::Memory(_) => {}
            }
        }
        longest
    }

    /// Writes the unwritten branch below a node, then the node, and returns its position. The nodes
    /// are free after it.
    fn write_branch(&mut self, id: NodeId, out: &mut IndexOutput) -> u64 {
        let mut stack = std::mem::take(&mut self.writing);
        stack.push(Writing { node: id, slot: 0 });
        let mut position = 0;
        while let Some(top) = stack.last_mut() {
            match self.nodes[top.node].children.get(top.slot).map(|child| child.place) {
                Some(Place::File(_)) => top.slot += 1,
                Some(Place::Memory(child)) => stack.push(Writing { node: child, slot: 0 }),
                None => {
                    let node = top.node;
                    stack.pop();
                    position = self.write_node(node, out);
                    if let Some(parent) = stack.last() {
                        self.nodes[parent.node].children[parent.slot].place = Place::File(position);
                    }
                    self.release(node);
                }
            }
        }
        self.writing = stack;
        position
    }

    fn write_node(&self, id: NodeId, out: &mut IndexOutput) -> u64 {
        let position = out.position();
        let node = &self.nodes[id];
        let form = Form::of(&node.children, node.payload.is_some(), self.longest_distance(id, position));
        let flags = node.payload.map_or(0, |payload| payload.flags());
        assert!(node.node_size <= out.left_in_page(), "a node does not cross a page");
        form.write(&node.children, flags, position, out.buffer());
        if let Some(payload) = node.payload {
            payload.write(out.buffer());
        }
        assert!(out.position() == position + node.node_size as u64, "a node is as long as it was planned");
        position
    }
}

impl<P> BranchNode<P> {
    fn new() -> BranchNode<P> {
        BranchNode {
            children: Vec::new(),
            payload: None,
            branch_size: 0,
            node_size: 0,
            out_of_page_children: false,
            out_of_page_in_branch: false,
        }
    }

    fn clear(&mut self) {
        self.children.clear();
        self.payload = None;
        self.branch_size = 0;
        self.node_size = 0;
        self.out_of_page_children = false;
        self.out_of_page_in_branch = false;
    }

    fn total(&self) -> usize {
        self.branch_size + self.node_size
    }

    fn is_estimate(&self) -> bool {
        self.out_of_page_children || self.out_of_page_in_branch
    }
}

/// A node's type and its size without payload.
#[derive(Debug, Clone, Copy)]
struct Form {
    kind: u8,
    size: usize,
}

/// The longest distances that the columns of the three tables below reach.
const REACH: [u64; 7] = [0xF, 0xFF, 0xFFF, 0xFFFF, (1 << 24) - 1, (1 << 32) - 1, (1 << 40) - 1];
const SINGLE: [u8; 8] = [1, 2, 3, 4, 12, 13, 14, 15];
const SPARSE: [u8; 8] = [5, 5, 6, 7, 8, 9, 9, 15];
const DENSE: [u8; 8] = [10, 10, 10, 11, 12, 13, 14, 15];

impl Form {
    /// The smallest form that holds the children (Cassandra's `TrieNode.typeFor`).
    fn of(children: &[Child], has_payload: bool, longest_distance: u64) -> Form {
        let reach = REACH.iter().take_while(|&&reach| reach < longest_distance).count();
        match children {
            [] => Form { kind: 0, size: 1 },
            [_] => {
                let wider = has_payload && matches!(SINGLE[reach], 1 | 3);
                let kind = SINGLE[reach + usize::from(wider)];
                Form { kind, size: size_of(kind, 1, 1) }
            }
            [first, .., last] => {
                let range = usize::from(last.transition - first.transition) + 1;
                let sparse = size_of(SPARSE[reach], children.len(), range);
                let dense = size_of(DENSE[reach], children.len(), range);
                if sparse < dense {
                    Form { kind: SPARSE[reach], size: sparse }
                } else {
                    Form { kind: DENSE[reach], size: dense }
                }
            }
        }
    }

    /// Appends a node at `position` whose children are all written.
    fn write(self, children: &[Child], flags: u8, position: u64, out: &mut Vec<u8>) {
        let distance = |child: &Child| match child.place {
            Place::File(child) => position - child,
            Place::Memory(_) => unreachable!("children are written before their parent"),
        };
        let [first, ..] = children else { return out.push(flags) };
        let pointer = distance(first).to_be_bytes();
        match self.kind {
            1 => out.extend_from_slice(&[0x10 | pointer[7], first.transition]),
            2 => out.extend_from_slice(&[0x20 | flags, first.transition, pointer[7]]),
            3 => out.extend_from_slice(&[0x30 | pointer[6], pointer[7], first.transition]),
            4 => out.extend_from_slice(&[0x40 | flags, first.transition, pointer[6], pointer[7]]),
            kind @ 5..=9 => {
                out.extend_from_slice(&[kind << 4 | flags, low_byte(children.len() as u64)]);
                out.extend(children.iter().map(|child| child.transition));
                write_pointers(children.iter().map(distance), pointer_nibbles(kind), out);
            }
            kind => {
                let last = children[children.len() - 1].transition;
                out.extend_from_slice(&[kind << 4 | flags, first.transition, last - first.transition]);
                let mut children = children.iter().peekable();
                let slots = (first.transition..=last)
                    .map(|byte| children.next_if(|child| child.transition == byte).map_or(0, distance));
                write_pointers(slots, pointer_nibbles(kind), out);
            }
        }
    }
}

/// The size of a node of a type with `count` children whose transitions span `range`, without
/// payload.
fn size_of(kind: u8, count: usize, range: usize) -> usize {
    match kind {
        0 => 1,
        1 => 2,
        2 | 3 => 3,
        4 => 4,
        5..=9 => 2 + count + (count * pointer_nibbles(kind)).div_ceil(2),
        _ => 3 + (range * pointer_nibbles(kind)).div_ceil(2),
    }
}

/// The width of a pointer in half bytes, of types with several.
fn pointer_nibbles(kind: u8) -> usize {
    match kind {
        5 => 2,
        6 | 10 => 3,
        7 | 11 => 4,
        8 | 12 => 6,
        13 => 8,
        9 | 14 => 10,
        _ => 16,
    }
}

fn write_pointers(mut pointers: impl Iterator<Item = u64>, nibbles: usize, out: &mut Vec<u8>) {
    if nibbles != 3 {
        for pointer in pointers {
            out.extend_from_slice(&pointer.to_be_bytes()[8 - nibbles / 2..]);
        }
        return;
    }
    while let Some(even) = pointers.next() {
        let odd = pointers.next();
        let three = (even << 12 | odd.unwrap_or(0)).to_be_bytes();
        // A last one without a partner takes two bytes.
        out.extend_from_slice(if odd.is_some() { &three[5..] } else { &three[5..7] });
    }
}

fn low_byte(value: u64) -> u8 {
    value.to_be_bytes()[7]
}

/// The number of bytes with which both begin.
pub(super) fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}

#[cfg(test)]
mod tests {
    use super::super::node::Node;
    use super::*;

    /// Distances that no file of a test reaches still choose the types that hold them.
    #[test]
    fn every_width_of_pointers() {
        let position = 1 << 60;
        for bits in [2, 4, 8, 12, 16, 24, 32, 40, 56] {
            let distance = (1u64 << bits) - 1;
            for transitions in [&[7][..], &[7, 8], &[7, 200], &[7, 8, 9, 30], &[0, 1, 2, 3, 4, 255]] {
                let children: Vec<_> = transitions
                    .iter()
                    .zip(0..)
                    .map(|(&transition, nearer)| Child {
                        transition,
                        place: Place::File(position - distance.saturating_sub(nearer).max(1)),
                    })
                    .collect();
                for flags in [0, 3] {
                    let form = Form::of(&children, flags != 0, distance);
                    let mut bytes = Vec::new();
                    form.write(&children, flags, position, &mut bytes);
                    assert_eq!(bytes.len(), form.size, "type {}", form.kind);
                    bytes.push(0xEE);
                    let node = Node::decode(&bytes, position).unwrap();
                    assert_eq!((node.payload_flags(), node.payload()), (flags, &[0xEE][..]));
                    for child in &children {
                        let slot = node.search(Some(child.transition)).unwrap();
                        let Place::File(expected) = child.place else { unreachable!() };
                        assert_eq!(node.child(slot), Ok(expected), "type {}", form.kind);
                    }
                }
            }
        }
    }
}
