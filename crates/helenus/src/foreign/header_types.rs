//! User types that no schema defines: SSTables' headers spell them out.

use std::collections::BTreeMap;

use helenus_rows::Header;
use helenus_types::{Type, UserType};

use crate::schema::user_types_in;

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
        exact.or_else(any).map(|definition| Type::udt(definition.clone()))
    }
}
