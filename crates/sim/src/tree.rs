//! What is on the disk, and what of it is durable.
//!
//! Each file and directory is a node with two states: the current one, which every reader sees and
//! which survives the process, and the durable one, which survives a power cut in any case. What
//! lies between them is kept as a list of changes, of which a power cut keeps any part:
//!
//! 1. A write is kept or lost by sectors of 512 bytes, each on its own, in any order, and a sector
//!    may be torn at a byte. A change of length is kept or lost, but not reordered with the writes
//!    around it.
//! 2. A change of names (create, rename, link, remove) is kept or lost as a whole, each on its own.
//! 3. What a failed sync should have made durable is not made so by a later one: the system forgot
//!    it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Component, Path};

use helenus_io::EntryKind;

use crate::rng::Rng;

const SECTOR_LEN: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(u64);

#[derive(Debug, Clone)]
enum Node {
    File(FileNode),
    Dir(DirNode),
}

#[derive(Debug, Clone, Default)]
struct FileNode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// Since the last sync, in order.
    pending: Vec<Change>,
    /// Changes that a failed sync forgot.
    forgotten: Vec<Change>,
    /// How many names it has now.
    links: usize,
}

#[derive(Debug, Clone, Default)]
struct DirNode {
    names: BTreeMap<OsString, NodeId>,
    durable: BTreeMap<OsString, NodeId>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Len(usize),
}

/// One change of names: the node that each name of a directory has afterwards.
#[derive(Debug, Clone)]
struct NameChange(Vec<(NodeId, OsString, Option<NodeId>)>);

/// The place of a name: its directory, and its node if it is taken.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    dir: NodeId,
    name: OsString,
    pub(crate) node: Option<NodeId>,
}

#[derive(Debug, Clone)]
pub(crate) struct Tree {
    nodes: BTreeMap<NodeId, Node>,
    next_id: u64,
    name_changes: Vec<NameChange>,
}

const ROOT: NodeId = NodeId(0);

impl Tree {
    pub(crate) fn new() -> Self {
        let nodes = BTreeMap::from([(ROOT, Node::Dir(DirNode::default()))]);
        Self { nodes, next_id: 1, name_changes: Vec::new() }
    }

    /// The node of `path`.
    pub(crate) fn find(&self, path: &Path) -> Result<NodeId, ErrorKind> {
        let (mut at, mut above) = (ROOT, Vec::new());
        for component in path.components() {
            match component {
                Component::RootDir | Component::CurDir => {}
                Component::Normal(name) => {
                    above.push(at);
                    at = *self.dir(at)?.names.get(name).ok_or(ErrorKind::NotFound)?;
                }
                // The root is above itself.
                Component::ParentDir => at = above.pop().unwrap_or(ROOT),
                Component::Prefix(_) => return Err(ErrorKind::InvalidInput),
            }
        }
        Ok(at)
    }

    /// The place of the name `path`, in a directory that exists.
    pub(crate) fn place(&self, path: &Path) -> Result<Place, ErrorKind> {
        let name = path.file_name().map(OsStr::to_owned).ok_or(ErrorKind::InvalidInput)?;
        let dir = self.find(helenus_io::parent_of(path))?;
        let node = self.dir(dir)?.names.get(&name).copied();
        Ok(Place { dir, name, node })
    }

    pub(crate) fn kind(&self, id: NodeId) -> EntryKind {
        match self.nodes.get(&id) {
            Some(Node::File(_)) => EntryKind::File,
            Some(Node::Dir(_)) => EntryKind::Directory,
            None => EntryKind::Other,
        }
    }

    pub(crate) fn entries(&self, dir: NodeId) -> Result<Vec<(OsString, NodeId)>, ErrorKind> {
        Ok(self.dir(dir)?.names.iter().map(|(name, id)| (name.clone(), *id)).collect())
    }

    pub(crate) fn bytes(&self, id: NodeId) -> Result<&[u8], ErrorKind> {
        match self.nodes.get(&id) {
            Some(Node::File(file)) => Ok(&file.bytes),
            _ => Err(ErrorKind::IsADirectory),
        }
    }

    /// Bytes of all files that have a name.
    pub(crate) fn used(&self) -> u64 {
        let len = |node: &Node| match node {
            Node::File(file) if file.links > 0 => file.bytes.len() as u64,
            _ => 0,
        };
        self.nodes.values().map(len).sum()
    }

    pub(crate) fn create_file(&mut self, place: Place) -> NodeId {
        self.create(place, Node::File(FileNode::default()))
    }

    pub(crate) fn create_dir(&mut self, place: Place) {
        self.create(place, Node::Dir(DirNode::default()));
    }

    pub(crate) fn link(&mut self, place: Place, node: NodeId) {
        self.change_names(vec![(place.dir, place.name, Some(node))]);
    }

    pub(crate) fn remove(&mut self, place: Place) {
        self.change_names(vec![(place.dir, place.name, None)]);
    }

    pub(crate) fn rename(&mut self, from: Place, to: Place) {
        if from.node != to.node {
            self.change_names(vec![(from.dir, from.name, None), (to.dir, to.name, from.node)]);
        }
    }

    pub(crate) fn write(&mut self, id: NodeId, offset: usize, bytes: &[u8]) -> Result<(), ErrorKind> {
        self.change(id, Change::Write { offset, bytes: bytes.to_vec() })
    }

    pub(crate) fn set_len(&mut self, id: NodeId, len: usize) -> Result<(), ErrorKind> {
        self.change(id, Change::Len(len))
    }

    pub(crate) fn sync_file(&mut self, id: NodeId) -> Result<(), ErrorKind> {
        let file = self.file(id)?;
        for change in std::mem::take(&mut file.pending) {
            change.apply(&mut file.durable);
        }
        Ok(())
    }

    /// Forgets the pending changes: they stay in the current state, but never become durable for
    /// sure.
    pub(crate) fn forget(&mut self, id: NodeId) -> Result<(), ErrorKind> {
        let file = self.file(id)?;
        file.forgotten.append(&mut file.pending);
        Ok(())
    }

    /// Makes the names of `dir` durable. A rename between directories is one change, so that its
    /// other directory goes along.
    pub(crate) fn sync_dir(&mut self, dir: NodeId) -> Result<(), ErrorKind> {
        self.dir(dir)?;
        let mut dirs = BTreeSet::from([dir]);
        loop {
            let touched = self.name_changes.iter().filter(|change| change.touches(&dirs));
            let more: Vec<NodeId> =
                touched.flat_map(|change| change.0.iter().map(|(dir, ..)| *dir)).collect();
            let known = dirs.len();
            dirs.extend(more);
            if dirs.len() == known {
                break;
            }
        }
        for change in std::mem::take(&mut self.name_changes) {
            if change.touches(&dirs) {
                self.apply_durably(change);
            } else {
                self.name_changes.push(change);
            }
        }
        Ok(())
    }

    /// Changes a byte without a trace: damage.
    pub(crate) fn flip(&mut self, id: NodeId, offset: usize, mask: u8) -> Result<(), ErrorKind> {
        let file = self.file(id)?;
        let byte = file.bytes.get_mut(offset).ok_or(ErrorKind::InvalidInput)?;
        *byte ^= mask;
        let byte = *byte;
        file.pending.push(Change::Write { offset, bytes: vec![byte] });
        self.sync_file(id)
    }

    /// The tree with what is durable and nothing else.
    pub(crate) fn durable(&self) -> Self {
        let mut tree = self.clone();
        tree.name_changes.clear();
        for node in tree.nodes.values_mut() {
            match node {
                Node::File(file) => {
                    let durable = std::mem::take(&mut file.durable);
                    *file = FileNode { bytes: durable.clone(), durable, ..FileNode::default() };
                }
                Node::Dir(dir) => dir.names = dir.durable.clone(),
            }
        }
        tree.sweep();
        tree
    }

    /// The tree after a power cut.
    pub(crate) fn crashed(&self, rng: &mut Rng) -> Self {
        let mut tree = self.clone();
        for change in std::mem::take(&mut tree.name_changes) {
            if rng.chance(1, 2) {
                tree.apply_durably(change);
            }
        }
        for node in tree.nodes.values_mut() {
            match node {
                Node::File(file) => *file = file.crashed(rng),
                Node::Dir(dir) => dir.names = dir.durable.clone(),
            }
        }
        tree.sweep();
        tree
    }

    fn create(&mut self, place: Place, node: Node) -> NodeId {
        let id = NodeId(self.next_id);
        self.next_id += 1;
        self.nodes.insert(id, node);
        self.change_names(vec![(place.dir, place.name, Some(id))]);
        id
    }

    fn change_names(&mut self, changes: Vec<(NodeId, OsString, Option<NodeId>)>) {
        for (dir, name, node) in &changes {
            let Some(Node::Dir(dir)) = self.nodes.get_mut(dir) else { continue };
            let before = match node {
                Some(node) => dir.names.insert(name.clone(), *node),
                None => dir.names.remove(name),
            };
            if let Some(file) = before.and_then(|id| self.file(id).ok()) {
                file.links -= 1;
            }
            if let Some(file) = node.and_then(|id| self.file(id).ok()) {
                file.links += 1;
            }
        }
        self.name_changes.push(NameChange(changes));
    }

    fn apply_durably(&mut self, change: NameChange) {
        for (dir, name, node) in change.0 {
            let Some(Node::Dir(dir)) = self.nodes.get_mut(&dir) else { continue };
            match node {
                Some(node) => drop(dir.durable.insert(name, node)),
                None => drop(dir.durable.remove(&name)),
            }
        }
    }

    /// Drops what no name leads to, and counts names anew.
    fn sweep(&mut self) {
        let mut links = BTreeMap::from([(ROOT, 1_usize)]);
        let mut open = vec![ROOT];
        while let Some(id) = open.pop() {
            let Some(Node::Dir(dir)) = self.nodes.get(&id) else { continue };
            for child in dir.names.values() {
                *links.entry(*child).or_default() += 1;
                open.push(*child);
            }
        }
        self.nodes.retain(|id, _| links.contains_key(id));
        for (id, node) in &mut self.nodes {
            if let Node::File(file) = node {
                file.links = links.get(id).copied().unwrap_or_default();
            }
        }
    }

    fn change(&mut self, id: NodeId, change: Change) -> Result<(), ErrorKind> {
        let file = self.file(id)?;
        change.apply(&mut file.bytes);
        file.pending.push(change);
        Ok(())
    }

    fn dir(&self, id: NodeId) -> Result<&DirNode, ErrorKind> {
        match self.nodes.get(&id) {
            Some(Node::Dir(dir)) => Ok(dir),
            _ => Err(ErrorKind::NotADirectory),
        }
    }

    fn file(&mut self, id: NodeId) -> Result<&mut FileNode, ErrorKind> {
        match self.nodes.get_mut(&id) {
            Some(Node::File(file)) => Ok(file),
            _ => Err(ErrorKind::IsADirectory),
        }
    }
}

impl NameChange {
    fn touches(&self, dirs: &BTreeSet<NodeId>) -> bool {
        self.0.iter().any(|(dir, ..)| dirs.contains(dir))
    }
}

impl FileNode {
    fn crashed(&self, rng: &mut Rng) -> Self {
        let mut bytes = self.durable.clone();
        // What a failed sync forgot is older than what is pending.
        let unsynced: Vec<&Change> = self.forgotten.iter().chain(&self.pending).collect();
        // Some power cuts lose all, some nothing: the extremes are where bugs are.
        let (kept, of) = match rng.below(8) {
            0 => (0, 1),
            1 => (1, 1),
            _ => (1, 2),
        };
        let is_len = |change: &&&Change| matches!(change, Change::Len(_));
        for run in unsynced.split_inclusive(|change| is_len(&change)) {
            let mut sectors: Vec<(usize, &[u8])> = run.iter().flat_map(|change| change.sectors()).collect();
            rng.shuffle(&mut sectors);
            for (offset, sector) in sectors {
                if !rng.chance(kept, of) {
                    continue;
                }
                let torn = kept < of && rng.chance(1, 4);
                let len = if torn { rng.index(sector.len() + 1) } else { sector.len() };
                store(&mut bytes, offset, &sector[..len]);
            }
            if let Some(Change::Len(len)) = run.last().copied()
                && rng.chance(kept, of)
            {
                bytes.resize(*len, 0);
            }
        }
        Self { durable: bytes.clone(), bytes, ..Self::default() }
    }
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => store(to, *offset, bytes),
            Self::Len(len) => to.resize(*len, 0),
        }
    }

    /// The pieces of a write that survive each on its own.
    fn sectors(&self) -> Vec<(usize, &[u8])> {
        let Self::Write { offset, bytes } = self else { return Vec::new() };
        let mut sectors = Vec::new();
        let (mut at, mut rest) = (*offset, bytes.as_slice());
        while !rest.is_empty() {
            let (sector, tail) = rest.split_at(rest.len().min(SECTOR_LEN - at % SECTOR_LEN));
            sectors.push((at, sector));
            at += sector.len();
            rest = tail;
        }
        sectors
    }
}

fn store(to: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let end = offset + bytes.len();
    if to.len() < end {
        to.resize(end, 0);
    }
    to[offset..end].copy_from_slice(bytes);
}
