//! Walks over a trie in a file.
//!
//! Pointers only go backwards, so every walk ends, and its length is bounded by the position of the
//! root. A payload on a node sorts before the node's children: the order of keys is that of a walk
//! that visits parents first. (Cassandra: `io.tries.Walker`, `ValueIterator`,
//! `ReverseValueIterator`.)

use helenus_types::DecodeError;

use super::node::Node;
use crate::error::SsTableErrorKind;
use crate::paged_file::{HeldPage, PagedFile};

/// The place at which a key leaves a trie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    /// The last node on its way.
    pub(super) node: u64,
    /// The slot there before which its next byte would be.
    pub(super) slot: usize,
    /// Whether it ended there.
    pub(super) key_ended: bool,
}

/// The node where `key` leaves the trie below `root`.
#[inline]
pub(super) fn follow(
    file: &PagedFile,
    held: &mut HeldPage,
    root: u64,
    key: &[u8],
) -> Result<Left, SsTableErrorKind> {
    let mut node = root;
    let mut rest = key.iter().copied();
    loop {
        let byte = rest.next();
        let at = Node::at(file, held, node)?;
        match at.search(byte) {
            Ok(slot) => node = at.child(slot)?,
            Err(slot) => return Ok(Left { node, slot, key_ended: byte.is_none() }),
        }
    }
}

/// The node of the greatest key that is not greater than `key`, if there is one.
pub(super) fn floor(
    file: &PagedFile,
    held: &mut HeldPage,
    root: u64,
    key: &[u8],
) -> Result<Option<u64>, SsTableErrorKind> {
    // The nearest on the path: a payload, or else a branch of lesser keys.
    let mut prefix = None;
    let mut lesser_branch = None;
    let mut position = root;
    let mut rest = key.iter().copied();
    loop {
        let node = Node::at(file, held, position)?;
        let search = node.search(rest.next());
        let (Ok(slot) | Err(slot)) = search;
        if let Some((_, child)) = node.child_before(slot)? {
            lesser_branch = Some(child);
            prefix = None;
        } else if node.has_payload() {
            prefix = Some(position);
        }
        match search {
            Ok(slot) => position = node.child(slot)?,
            Err(_) => break,
        }
    }
    match (prefix, lesser_branch) {
        (None, Some(branch)) => last(file, held, branch).map(Some),
        (prefix, _) => Ok(prefix),
    }
}

/// The nodes next to a key that is not in the trie itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    /// A node whose key is a prefix of the one sought, or equal: its full key may be on either
    /// side.
    pub(super) prefix: Option<u64>,
    /// The nearest lesser and greater nodes besides.
    pub(super) lesser: Option<u64>,
    /// See [`lesser`](Self::lesser).
    pub(super) greater: Option<u64>,
}

/// Finds the neighbours of `key` in a trie of keys that are cut where they differ from their
/// neighbours.
pub(super) fn around(
    file: &PagedFile,
    held: &mut HeldPage,
    root: u64,
    key: &[u8],
) -> Result<Around, SsTableErrorKind> {
    let mut lesser_branch = None;
    let mut lesser_node = None;
    let mut greater_branch = None;
    let mut position = root;
    let mut rest = key.iter().copied();
    let prefix = loop {
        let node = Node::at(file, held, position)?;
        let byte = rest.next();
        let search = node.search(byte);
        let ends = search.is_err() && (byte.is_none() || node.is_leaf()) && node.has_payload();
        let (Ok(slot) | Err(slot)) = search;
        let after = slot + usize::from(search.is_ok());
        if let Some((_, child)) = node.child_before(slot)? {
            lesser_branch = Some(child);
            lesser_node = None;
        } else if node.has_payload() && !ends {
            lesser_node = Some(position);
        }
        if let Some((_, child)) = node.child_from(after)? {
            greater_branch = Some(child);
        }
        match search {
            Ok(slot) => position = node.child(slot)?,
            Err(_) => break ends.then_some(position),
        }
    };
    let lesser = match (lesser_node, lesser_branch) {
        (None, Some(branch)) => Some(last(file, held, branch)?),
        (node, _) => node,
    };
    let greater = match greater_branch {
        Some(branch) => Some(first(file, held, branch)?),
        None => None,
    };
    Ok(Around { prefix, lesser, greater })
}

/// The node of the least key from the node at `position` down.
pub(super) fn first(
    file: &PagedFile,
    held: &mut HeldPage,
    mut position: u64,
) -> Result<u64, SsTableErrorKind> {
    loop {
        let node = Node::at(file, held, position)?;
        if node.has_payload() {
            return Ok(position);
        }
        let Some((_, child)) = node.child_from(0)? else { return Err(no_payload(&node)) };
        position = child;
    }
}

/// The node of the greatest key from the node at `position` down.
pub(super) fn last(
    file: &PagedFile,
    held: &mut HeldPage,
    mut position: u64,
) -> Result<u64, SsTableErrorKind> {
    loop {
        let node = Node::at(file, held, position)?;
        match node.child_before(usize::MAX)? {
            Some((_, child)) => position = child,
            None if node.has_payload() => return Ok(position),
            None => return Err(no_payload(&node)),
        }
    }
}

#[cold]
fn no_payload(node: &Node<'_>) -> SsTableErrorKind {
    node.corrupt("a payload on a node without children", "none").into()
}

/// A place in a trie, between which and the next or previous key it moves.
///
/// It does not hold the file, which the caller passes each time: always the same.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    root: u64,
    /// From the root to the node that the cursor is at; empty before the first and after the last
    /// one.
    path: Vec<Step>,
    at_end: bool,
    /// Whether it last went to a previous key.
    is_backwards: bool,
    /// Nodes entered since it was placed or turned around. A trie has fewer nodes than bytes; a
    /// damaged one whose branches share children could be gone through for any time.
    entered: u64,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    node: u64,
    /// The slot of the next step's node; of no meaning in the last step.
    slot: usize,
}

impl Cursor {
    /// A cursor before the first key.
    pub(super) fn before_first(root: u64) -> Cursor {
        Cursor { root, path: Vec::new(), at_end: false, is_backwards: false, entered: 0 }
    }

    /// A cursor after the last key.
    pub(super) fn after_last(root: u64) -> Cursor {
        Cursor { at_end: true, ..Cursor::before_first(root) }
    }

    /// Goes to the greatest key that is not greater than `key`; without one, before the first.
    pub(super) fn seek_floor(
        &mut self,
        file: &PagedFile,
        held: &mut HeldPage,
        key: &[u8],
    ) -> Result<Option<u64>, SsTableErrorKind> {
        let Left { slot, .. } = self.descend(file, held, key)?;
        self.retreat(file, held, slot)
    }

    /// Goes to the key that is a prefix of `key` or equal, if its full key may be on either side;
    /// otherwise to the least greater one; without one, after the last.
    pub(super) fn seek_from(
        &mut self,
        file: &PagedFile,
        held: &mut HeldPage,
        key: &[u8],
    ) -> Result<Option<u64>, SsTableErrorKind> {
        let Left { node: position, slot, key_ended } = self.descend(file, held, key)?;
        let node = Node::at(file, held, position)?;
        if node.has_payload() && (key_ended || node.is_leaf()) {
            return Ok(Some(position));
        }
        self.advance(file, held, slot)
    }

    /// Goes to the next key.
    pub(super) fn next(
        &mut self,
        file: &PagedFile,
        held: &mut HeldPage,
    ) -> Result<Option<u64>, SsTableErrorKind> {
        self.turn(false);
        match (self.path.is_empty(), self.at_end) {
            (false, _) => self.advance(file, held, 0),
            (true, true) => Ok(None),
            (true, false) if self.is_trie_empty(file, held)? => Ok(None),
            (true, false) => self.enter_first(file, held, self.root).map(Some),
        }
    }

    /// Goes to the previous key.
    pub(super) fn previous(
        &mut self,
        file: &PagedFile,
        held: &mut HeldPage,
    ) -> Result<Option<u64>, SsTableErrorKind> {
        self.turn(true);
        match (self.path.pop(), self.at_end) {
            (Some(_), _) => match self.path.last() {
                Some(parent) => self.retreat(file, held, parent.slot),
                None => Ok(None),
            },
            (None, false) => Ok(None),
            (None, true) if self.is_trie_empty(file, held)? => Ok(None),
            (None, true) => {
                self.at_end = false;
                self.enter_last(file, held, self.root).map(Some)
            }
        }
    }

    /// The bytes that lead to the node that the cursor is at.
    #[cfg(test)]
    pub(super) fn key(&self, file: &PagedFile) -> Vec<u8> {
        let steps = self.path.iter().take(self.path.len().saturating_sub(1));
        let held = &mut HeldPage::default();
        steps.map(|step| Node::at(file, held, step.node).unwrap().transition(step.slot)).collect()
    }

    fn turn(&mut self, is_backwards: bool) {
        if self.is_backwards != is_backwards {
            self.is_backwards = is_backwards;
            self.entered = 0;
        }
    }

    /// The node at `position`, through whose children a walk goes.
    #[inline]
    fn enter<'a>(
        &mut self,
        file: &'a PagedFile,
        held: &'a mut HeldPage,
        position: u64,
    ) -> Result<Node<'a>, SsTableErrorKind> {
        self.entered += 1;
        if self.entered > self.root.saturating_add(2) {
            return Err(DecodeError::new(self.root, "a trie with fewer nodes than bytes", "more").into());
        }
        let node = Node::at(file, held, position)?;
        if node.is_ascending() {
            Ok(node)
        } else {
            Err(node.corrupt("transitions that ascend", "others").into())
        }
    }

    /// An index without keys is a root without payload and children.
    fn is_trie_empty(&self, file: &PagedFile, held: &mut HeldPage) -> Result<bool, SsTableErrorKind> {
        let root = Node::at(file, held, self.root)?;
        Ok(root.is_leaf() && !root.has_payload())
    }

    /// Follows `key` as long as the trie has its bytes, as [`follow`] does.
    fn descend(
        &mut self,
        file: &PagedFile,
        held: &mut HeldPage,
        key: &[u8],
    ) -> Result<Left, SsTableErrorKind> {
        self.path.clear();
        self.at_end = false;
        self.entered = 0;
        let mut position = self.root;
        let mut rest = key.iter().copied();
        loop {
            let byte = rest.next();
            let node = Node::at(file, held, position)?;
            let search = node.search(byte);
            let (Ok(slot) | Err(slot)) = search;
            self.path.push(Step { node: position, slot });
            match search {
                Ok(slot) => position = node.child(slot)?,
                Err(slot) => return Ok(Left { node: position, slot, key_ended: byte.is_none() }),
            }
        }
    }

    /// To the first key in the branches of the last step's node from `slot` on, or else after that
    /// node.
    fn advance(
        &mut self,
        file: &PagedFile,
        held: &mut HeldPage,
        mut slot: usize,
    ) -> Result<Option<u64>, SsTableErrorKind> {
        while let Some(step) = self.path.last_mut() {
            if let Some((taken, child)) = Node::at(file, held, step.node)?.child_from(slot)? {
                step.slot = taken;
                return self.enter_first(file, held, child).map(Some);
            }
            self.path.pop();
            slot = self.path.last().map_or(0, |parent| parent.slot + 1);
        }
        self.at_end = true;
        Ok(None)
    }

    /// To the last key in the branches of the last step's node before `slot`, or else the node
    /// itself or before it.
    fn retreat(
        &mut self,
        file: &PagedFile,
        held: &mut HeldPage,
        mut slot: usize,
    ) -> Result<Option<u64>, SsTableErrorKind> {
        while let Some(step) = self.path.last_mut() {
            let node = Node::at(file, held, step.node)?;
            if let Some((taken, child)) = node.child_before(slot)? {
                step.slot = taken;
                return self.enter_last(file, held, child).map(Some);
            }
            if node.has_payload() {
                return Ok(Some(step.node));
            }
            self.path.pop();
            slot = self.path.last().map_or(0, |parent| parent.slot);
        }
        Ok(None)
    }

    fn enter_first(
        &mut self,
        file: &PagedFile,
        held: &mut HeldPage,
        mut position: u64,
    ) -> Result<u64, SsTableErrorKind> {
        loop {
            let node = self.enter(file, held, position)?;
            if node.has_payload() {
                self.path.push(Step { node: position, slot: 0 });
                return Ok(position);
            }
            let Some((slot, child)) = node.child_from(0)? else { return Err(no_payload(&node)) };
            self.path.push(Step { node: position, slot });
            position = child;
        }
    }

    fn enter_last(
        &mut self,
        file: &PagedFile,
        held: &mut HeldPage,
        mut position: u64,
    ) -> Result<u64, SsTableErrorKind> {
        loop {
            let node = self.enter(file, held, position)?;
            match node.child_before(usize::MAX)? {
                Some((slot, child)) => {
                    self.path.push(Step { node: position, slot });
                    position = child;
                }
                None if node.has_payload() => {
                    self.path.push(Step { node: position, slot: 0 });
                    return Ok(position);
                }
                None => return Err(no_payload(&node)),
            }
        }
    }
}
