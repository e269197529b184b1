//! User types that no schema defines: SSTables' headers spell them out.

use std::cell::Cell;
use std::collections::BTreeMap;

use helenus_rows::Header;
use helenus_types::{Type, UserType};

use helenus_schema::{replace_user_types, user_types_in};

/// User types that are looked for in one.
const MAX_REPLACED: u32 = 256;

/// User types as the SSTables' headers spell them out.
#[derive(Debug, Default)]
pub(crate) struct HeaderTypes {
    by_name: BTreeMap<(String, String), UserType>,
}

impl HeaderTypes {
    /// The types in those headers.
    pub(crate) fn of<'a>(headers: impl IntoIterator<Item = &'a Header>) -> Self {
        let mut types = Self::default();
        for header in headers {
            types.add(&header.key_type);
            header.clustering.types().iter().for_each(|ty| types.add(ty));
            let columns = header.statics.as_slice().iter().chain(header.regulars.as_slice());
            columns.for_each(|column| types.add(&column.ty));
        }
        types
    }

    fn add(&mut self, ty: &Type) {
        let mut found = Vec::new();
        user_types_in(ty, &mut found);
        for definition in found {
            definition.fields.iter().for_each(|(_, field)| self.add(field));
            let place = (definition.keyspace.clone(), definition.name.clone());
            // Types only grow: the longest is the newest.
            let known = self.by_name.entry(place).or_insert_with(|| definition.clone());
            if known.fields.len() < definition.fields.len() {
                *known = definition.clone();
            }
        }
    }

    /// The type of that name, multi-cell.
    pub(crate) fn find(&self, keyspace: &str, name: &str) -> Option<Type> {
        let exact = self.by_name.get(&(keyspace.to_owned(), name.to_owned()));
        // The schema may have been given another keyspace than the files were written in.
        let any = || self.by_name.values().find(|definition| definition.name == name);
        let left = Cell::new(MAX_REPLACED);
        exact.or_else(any).map(|definition| Type::udt(self.newest(definition, &left)))
    }

    /// The type with those in it as they are now: a header spells out what they were when a column
    /// was written last.
    fn newest(&self, definition: &UserType, left: &Cell<u32>) -> UserType {
        let replace = |inner: &UserType| {
            let known = self.by_name.get(&(inner.keyspace.clone(), inner.name.clone()));
            // Headers that contradict each other may put two types into one another.
            let Some(rest) = left.get().checked_sub(1) else { return Type::udt(inner.clone()) };
            left.set(rest);
            Type::udt(self.newest(known.unwrap_or(inner), left))
        };
        let fields = definition.fields.iter();
        let fields = fields.map(|(name, ty)| (name.clone(), replace_user_types(ty, &replace))).collect();
        UserType { fields, ..definition.clone() }
    }
}
