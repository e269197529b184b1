//! Walks over a trie in a file.
//!
//! Pointers only go backwards, so every walk ends, and its length is bounded by the position of the root. A payload on
//! a node sorts before the node's children: the order of keys is that of a walk that visits parents first.
//! (Cassandra: `io.tries.Walker`, `ValueIterator`, `ReverseValueIterator`.)

use helenus_types::DecodeError;

use super::node::Node;

/// The node where `key` leaves the trie below `root`, and the slot before which its next byte would be; the key
/// ended there if the third is true.
#[inline]
pub(super) fn follow<'a>(
    file: &'a [u8],
    root: u64,
    key: &[u8],
) -> Result<(Node<'a>, usize, bool), DecodeError> {
    let mut node = Node::at(file, root)?;
    let mut rest = key.iter().copied();
    loop {
        let byte = rest.next();
        match node.search(byte) {
            Ok(slot) => node = Node::at(file, node.child(slot)?)?,
            Err(slot) => return Ok((node, slot, byte.is_none())),
        }
    }
}

/// The node of the greatest key that is not greater than `key`, if there is one.
pub(super) fn floor<'a>(file: &'a [u8], root: u64, key: &[u8]) -> Result<Option<Node<'a>>, DecodeError> {
    // The nearest on the path: a payload, or else a branch of lesser keys.
    let mut prefix = None;
    let mut lesser_branch = None;
    let mut node = Node::at(file, root)?;
    let mut rest = key.iter().copied();
    loop {
        let search = node.search(rest.next());
        let (Ok(slot) | Err(slot)) = search;
        if let Some((_, child)) = node.child_before(slot)? {
            lesser_branch = Some(child);
            prefix = None;
        } else if node.has_payload() {
            prefix = Some(node);
        }
        match search {
            Ok(slot) => node = Node::at(file, node.child(slot)?)?,
            Err(_) => break,
        }
    }
    match (prefix, lesser_branch) {
        (None, Some(branch)) => last(file, branch).map(Some),
        (prefix, _) => Ok(prefix),
    }
}

/// The nodes next to a key that is not in the trie itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    /// A node whose key is a prefix of the one sought, or equal: what it stands for may be on either side.
    pub(super) prefix: Option<Node<'a>>,
    /// The nearest lesser and greater nodes besides.
    pub(super) lesser: Option<Node<'a>>,
    /// See [`lesser`](Self::lesser).
    pub(super) greater: Option<Node<'a>>,
}

/// Finds the neighbours of `key` in a trie of keys that are cut where they differ from their neighbours.
pub(super) fn around<'a>(file: &'a [u8], root: u64, key: &[u8]) -> Result<Around<'a>, DecodeError> {
    let mut lesser_branch = None;
    let mut lesser_node = None;
    let mut greater_branch = None;
    let mut node = Node::at(file, root)?;
    let mut rest = key.iter().copied();
    let prefix = loop {
        let byte = rest.next();
        let search = node.search(byte);
        let ends = search.is_err() && (byte.is_none() || node.is_leaf()) && node.has_payload();
        let (Ok(slot) | Err(slot)) = search;
        let after = slot + usize::from(search.is_ok());
        if let Some((_, child)) = node.child_before(slot)? {
            lesser_branch = Some(child);
            lesser_node = None;
        } else if node.has_payload() && !ends {
            lesser_node = Some(node);
        }
        if let Some((_, child)) = node.child_from(after)? {
            greater_branch = Some(child);
        }
        match search {
            Ok(slot) => node = Node::at(file, node.child(slot)?)?,
            Err(_) => break ends.then_some(node),
        }
    };
    let lesser = match (lesser_node, lesser_branch) {
        (None, Some(branch)) => Some(last(file, branch)?),
        (node, _) => node,
    };
    let greater = greater_branch.map(|branch| first(file, branch)).transpose()?;
    Ok(Around { prefix, lesser, greater })
}

/// The node of the least key from the node at `position` down.
pub(super) fn first(file: &[u8], position: u64) -> Result<Node<'_>, DecodeError> {
    let mut node = Node::at(file, position)?;
    while !node.has_payload() {
        let Some((_, child)) = node.child_from(0)? else { return Err(no_payload(&node)) };
        node = Node::at(file, child)?;
    }
    Ok(node)
}

/// The node of the greatest key from the node at `position` down.
pub(super) fn last(file: &[u8], position: u64) -> Result<Node<'_>, DecodeError> {
    let mut node = Node::at(file, position)?;
    while let Some((_, child)) = node.child_before(usize::MAX)? {
        node = Node::at(file, child)?;
    }
    if node.has_payload() { Ok(node) } else { Err(no_payload(&node)) }
}

#[cold]
fn no_payload(node: &Node<'_>) -> DecodeError {
    node.corrupt("a payload on a node without children", "none")
}

/// A place in a trie, between which and the next or previous key it moves.
///
/// It does not hold the file, which the caller passes each time: always the same.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    root: u64,
    /// From the root to the node that the cursor is at; empty before the first and after the last one.
    path: Vec<Step>,
    at_end: bool,
    /// Whether it last went to a previous key.
    is_backwards: bool,
    /// Nodes entered since it was placed or turned around. A trie has fewer nodes than bytes; a damaged one whose branches
    /// share children could be gone through for any time.
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
    pub(super) fn seek_floor<'a>(
        &mut self,
        file: &'a [u8],
        key: &[u8],
    ) -> Result<Option<Node<'a>>, DecodeError> {
        let (_, slot, _) = self.descend(file, key)?;
        self.retreat(file, slot)
    }

    /// Goes to the key that is a prefix of `key` or equal, if what it stands for may be on either side; otherwise to
    /// the least greater one; without one, after the last.
    pub(super) fn seek_from<'a>(
        &mut self,
        file: &'a [u8],
        key: &[u8],
    ) -> Result<Option<Node<'a>>, DecodeError> {
        let (node, slot, key_ended) = self.descend(file, key)?;
        if node.has_payload() && (key_ended || node.is_leaf()) {
            return Ok(Some(node));
        }
        self.advance(file, slot)
    }

    /// Goes to the next key.
    pub(super) fn next<'a>(&mut self, file: &'a [u8]) -> Result<Option<Node<'a>>, DecodeError> {
        self.turn(false);
        match (self.path.is_empty(), self.at_end) {
            (false, _) => self.advance(file, 0),
            (true, true) => Ok(None),
            (true, false) if self.is_trie_empty(file)? => Ok(None),
            (true, false) => self.enter_first(file, self.root).map(Some),
        }
    }

    /// Goes to the previous key.
    pub(super) fn previous<'a>(&mut self, file: &'a [u8]) -> Result<Option<Node<'a>>, DecodeError> {
        self.turn(true);
        match (self.path.pop(), self.at_end) {
            (Some(_), _) => match self.path.last() {
                Some(parent) => self.retreat(file, parent.slot),
                None => Ok(None),
            },
            (None, false) => Ok(None),
            (None, true) if self.is_trie_empty(file)? => Ok(None),
            (None, true) => {
                self.at_end = false;
                self.enter_last(file, self.root).map(Some)
            }
        }
    }

    /// The bytes that lead to the node that the cursor is at.
    #[cfg(test)]
    pub(super) fn key(&self, file: &[u8]) -> Vec<u8> {
        let steps = self.path.iter().take(self.path.len().saturating_sub(1));
        steps.map(|step| Node::at(file, step.node).unwrap().transition(step.slot)).collect()
    }

    fn turn(&mut self, is_backwards: bool) {
        if self.is_backwards != is_backwards {
            self.is_backwards = is_backwards;
            self.entered = 0;
        }
    }

    /// The node at `position`, through whose children a walk goes.
    #[inline]
    fn enter<'a>(&mut self, file: &'a [u8], position: u64) -> Result<Node<'a>, DecodeError> {
        self.entered += 1;
        if self.entered > self.root.saturating_add(2) {
            return Err(DecodeError::new(self.root, "a trie with fewer nodes than bytes", "more"));
        }
        let node = Node::at(file, position)?;
        if node.is_ascending() { Ok(node) } else { Err(node.corrupt("transitions that ascend", "others")) }
    }

    /// An index without keys is a root without payload and children.
    fn is_trie_empty(&self, file: &[u8]) -> Result<bool, DecodeError> {
        let root = Node::at(file, self.root)?;
        Ok(root.is_leaf() && !root.has_payload())
    }

    /// Follows `key` as far as it goes, as [`follow`] does.
    fn descend<'a>(&mut self, file: &'a [u8], key: &[u8]) -> Result<(Node<'a>, usize, bool), DecodeError> {
        self.path.clear();
        self.at_end = false;
        self.entered = 0;
        let mut node = Node::at(file, self.root)?;
        let mut rest = key.iter().copied();
        loop {
            let byte = rest.next();
            let search = node.search(byte);
            let (Ok(slot) | Err(slot)) = search;
            self.path.push(Step { node: node.position(), slot });
            match search {
                Ok(slot) => node = Node::at(file, node.child(slot)?)?,
                Err(slot) => return Ok((node, slot, byte.is_none())),
            }
        }
    }

    /// To the first key in the branches of the last step's node from `slot` on, or else after that node.
    fn advance<'a>(&mut self, file: &'a [u8], mut slot: usize) -> Result<Option<Node<'a>>, DecodeError> {
        while let Some(step) = self.path.last_mut() {
            if let Some((taken, child)) = Node::at(file, step.node)?.child_from(slot)? {
                step.slot = taken;
                return self.enter_first(file, child).map(Some);
            }
            self.path.pop();
            slot = self.path.last().map_or(0, |parent| parent.slot + 1);
        }
        self.at_end = true;
        Ok(None)
    }

    /// To the last key in the branches of the last step's node before `slot`, or else the node itself or before it.
    fn retreat<'a>(&mut self, file: &'a [u8], mut slot: usize) -> Result<Option<Node<'a>>, DecodeError> {
        while let Some(step) = self.path.last_mut() {
            let node = Node::at(file, step.node)?;
            if let Some((taken, child)) = node.child_before(slot)? {
                step.slot = taken;
                return self.enter_last(file, child).map(Some);
            }
            if node.has_payload() {
                return Ok(Some(node));
            }
            self.path.pop();
            slot = self.path.last().map_or(0, |parent| parent.slot);
        }
        Ok(None)
    }

    fn enter_first<'a>(&mut self, file: &'a [u8], mut position: u64) -> Result<Node<'a>, DecodeError> {
        loop {
            let node = self.enter(file, position)?;
            if node.has_payload() {
                self.path.push(Step { node: position, slot: 0 });
                return Ok(node);
            }
            let Some((slot, child)) = node.child_from(0)? else { return Err(no_payload(&node)) };
            self.path.push(Step { node: position, slot });
            position = child;
        }
    }

    fn enter_last<'a>(&mut self, file: &'a [u8], mut position: u64) -> Result<Node<'a>, DecodeError> {
        loop {
            let node = self.enter(file, position)?;
            match node.child_before(usize::MAX)? {
                Some((slot, child)) => {
                    self.path.push(Step { node: position, slot });
                    position = child;
                }
                None if node.has_payload() => {
                    self.path.push(Step { node: position, slot: 0 });
                    return Ok(node);
                }
                None => return Err(no_payload(&node)),
            }
        }
    }
}
