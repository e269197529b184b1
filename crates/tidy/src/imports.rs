//! Which file of a crate needs which, and the cycles among them.
//!
//! A file needs another when its code names something that is defined there: in an import or in a
//! path, through whatever re-exports stand between. A re-export alone is no need, nor is the line
//! that declares a module.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{Item, UseTree, Visibility};

/// Path of a module below the root of its crate; the root's is empty.
type ModulePath = Vec<String>;

/// The modules of one crate, read from its sources.
#[derive(Debug, Default)]
pub struct ImportGraph {
    modules: BTreeMap<ModulePath, Module>,
}

#[derive(Debug, Default)]
struct Module {
    file: String,
    /// Names that are defined here.
    items: BTreeSet<String>,
    imports: Vec<Import>,
    /// Paths that stand in the code.
    paths: Vec<Vec<String>>,
}

#[derive(Debug)]
struct Import {
    /// The name it has here; `None` for a glob.
    name: Option<String>,
    path: Vec<String>,
    is_reexport: bool,
}

impl ImportGraph {
    /// Reads a crate from its root file on. `read` gives the text of a file, or `None` if there is
    /// none.
    ///
    /// # Errors
    /// The file that can't be parsed or is missing.
    pub fn read(root: &str, read: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut graph = Self::default();
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        graph.add_file(Vec::new(), root, &folder, read)?;
        Ok(graph)
    }

    fn add_file(
        &mut self,
        module: ModulePath,
        file: &str,
        folder: &str,
        read: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), String> {
        let text = read(file).ok_or_else(|| format!("{file} is missing"))?;
        let parsed = syn::parse_file(&text).map_err(|error| format!("{file}: {error}"))?;
        self.add_items(module, file, folder, &parsed.items, read)
    }

    fn add_items(
        &mut self,
        module: ModulePath,
        file: &str,
        folder: &str,
        items: &[Item],
        read: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), String> {
        let mut collected = Module { file: file.to_owned(), ..Module::default() };
        let items = items.iter().filter(|item| !is_for_tests(attributes(item)));
        let (modules, others): (Vec<_>, Vec<_>) = items.partition(|item| matches!(item, Item::Mod(_)));
        for item in others {
            collected.items.extend(name_of(item));
            collected.visit_item(item);
        }
        self.modules.insert(module.clone(), collected);
        for item in modules {
            let Item::Mod(child) = item else { continue };
            let name = child.ident.to_string();
            let path: ModulePath = module.iter().cloned().chain([name.clone()]).collect();
            let inner = format!("{folder}/{name}");
            match &child.content {
                Some((_, items)) => self.add_items(path, file, &inner, items, read)?,
                None => {
                    let beside = format!("{folder}/{name}.rs");
                    let below = format!("{folder}/{name}/mod.rs");
                    let place = if read(&beside).is_some() { beside } else { below };
                    self.add_file(path, &place, &inner, read)?;
                }
            }
        }
        Ok(())
    }

    /// For each file, the other files of the crate that it needs.
    pub fn needs(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (path, module) in &self.modules {
            let imports = module.imports.iter().filter(|import| !import.is_reexport);
            let named = imports.map(|import| &import.path).chain(&module.paths);
            let needed: Vec<&str> = named.filter_map(|named| self.resolve(path, named, 0)).collect();
            let entry = needs.entry(&module.file).or_default();
            entry.extend(needed.into_iter().filter(|file| *file != module.file));
        }
        needs
    }

    /// The groups of files that need each other in a circle, the largest first.
    pub fn cycles(&self) -> Vec<Vec<&str>> {
        let needs = self.needs();
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            needs.keys().map(|file| (*file, reachable(file, &needs))).collect();
        let reaches = |from: &str, to: &str| reached.get(from).is_some_and(|files| files.contains(to));
        let mut left: BTreeSet<&str> = needs.keys().copied().filter(|file| reaches(file, file)).collect();
        let mut cycles = Vec::new();
        while let Some(first) = left.first().copied() {
            let circle: Vec<&str> =
                left.iter().copied().filter(|file| reaches(first, file) && reaches(file, first)).collect();
            left.retain(|file| !circle.contains(file));
            cycles.push(circle);
        }
        cycles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
        cycles
    }

    /// The file that defines what a path names, seen from a module; `None` for what isn't of this
    /// crate.
    fn resolve(&self, from: &[String], path: &[String], depth: usize) -> Option<&str> {
        // Imports of one another go in circles; no path of ours is this long.
        if depth > 16 {
            return None;
        }
        let (first, mut rest) = path.split_first()?;
        let mut module = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.to_vec(),
            "super" => from.split_last()?.1.to_vec(),
            _ => {
                rest = path;
                from.to_vec()
            }
        };
        let is_relative = rest.len() == path.len();
        for (at, name) in rest.iter().enumerate() {
            if name == "super" {
                module.pop()?;
                continue;
            }
            let child: ModulePath = module.iter().cloned().chain([name.clone()]).collect();
            if self.modules.contains_key(&child) {
                module = child;
                continue;
            }
            let here = self.modules.get(&module)?;
            // A bare name that is defined or imported by name here is counted where it comes from.
            let is_bare = is_relative && at == 0 && rest.len() == 1;
            let is_imported = || here.imports.iter().any(|import| import.name.as_ref() == Some(name));
            if is_bare && (here.items.contains(name) || is_imported()) {
                return None;
            }
            return self.item(&module, here, name, rest.get(at + 1..).unwrap_or_default(), depth);
        }
        None
    }

    fn item(
        &self,
        at: &[String],
        module: &Module,
        name: &str,
        rest: &[String],
        depth: usize,
    ) -> Option<&str> {
        if module.items.contains(name) {
            return self.modules.get(at).map(|module| module.file.as_str());
        }
        let named = module.imports.iter().find(|import| import.name.as_deref() == Some(name));
        if let Some(import) = named {
            // A module that was imported: what is meant is in it.
            let whole: Vec<String> = import.path.iter().chain(rest).cloned().collect();
            return self
                .resolve(at, &import.path, depth + 1)
                .or_else(|| (!rest.is_empty()).then(|| self.resolve(at, &whole, depth + 1)).flatten());
        }
        let globs = module.imports.iter().filter(|import| import.name.is_none());
        globs.into_iter().find_map(|glob| {
            let below = glob.path.iter().cloned().chain([name.to_owned()]);
            let whole: Vec<String> = below.chain(rest.iter().cloned()).collect();
            self.resolve(at, &whole, depth + 1)
        })
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_for_tests(&item.attrs) {
            let is_reexport = !matches!(item.vis, Visibility::Inherited);
            flatten(&item.tree, &mut Vec::new(), is_reexport, &mut self.imports);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}

fn flatten(tree: &UseTree, before: &mut Vec<String>, is_reexport: bool, into: &mut Vec<Import>) {
    let path = |name: &syn::Ident| -> Vec<String> {
        // `use a::{self}` imports `a`.
        let last = (name != "self" || before.is_empty()).then(|| name.to_string());
        before.iter().cloned().chain(last).collect()
    };
    match tree {
        UseTree::Path(part) => {
            before.push(part.ident.to_string());
            flatten(&part.tree, before, is_reexport, into);
            before.pop();
        }
        UseTree::Name(part) => {
            let path = path(&part.ident);
            into.push(Import { name: path.last().cloned(), path, is_reexport });
        }
        UseTree::Rename(part) => {
            into.push(Import { name: Some(part.rename.to_string()), path: path(&part.ident), is_reexport });
        }
        UseTree::Glob(_) => into.push(Import { name: None, path: before.clone(), is_reexport }),
        UseTree::Group(parts) => {
            parts.items.iter().for_each(|part| flatten(part, before, is_reexport, into));
        }
    }
}

fn reachable<'a>(from: &str, needs: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = needs.get(from).into_iter().flatten().copied().collect();
    while let Some(file) = open.pop() {
        if let Some((file, _)) = needs.get_key_value(file)
            && found.insert(*file)
        {
            open.extend(needs.get(file).into_iter().flatten());
        }
    }
    found
}

/// Names of the types that a text defines outside its tests, for the census of names that stand for
/// several things.
pub fn types_defined(text: &str) -> Vec<String> {
    let Ok(parsed) = syn::parse_file(text) else { return Vec::new() };
    let types = parsed.items.iter().filter(|item| !is_for_tests(attributes(item)));
    types
        .filter_map(|item| match item {
            Item::Struct(item) => Some(item.ident.to_string()),
            Item::Enum(item) => Some(item.ident.to_string()),
            Item::Trait(item) => Some(item.ident.to_string()),
            _ => None,
        })
        .collect()
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => return item.ident.as_ref().map(ToString::to_string),
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let Ok(list) = attribute.meta.require_list() else { return false };
        list.path.is_ident("cfg") && matches!(list.tokens.to_string().as_str(), "test" | "doctest")
    })
}
