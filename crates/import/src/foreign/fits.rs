//! Whether an SSTable is of a table.

use helenus_engine::{Error, Result};
use helenus_rows::{Columns, Header, TableSchema};
use helenus_schema::reads_cells_of;
use helenus_sstable::{Component, Descriptor};
use helenus_types::Type;

/// Refuses an SSTable whose columns are not the table's: reading it by this schema would show
/// nonsense, or nothing.
pub(crate) fn check_fits(
    schema: &TableSchema,
    header: &Header,
    theirs: &Header,
    descriptor: &Descriptor,
) -> Result<()> {
    let refuse = |what: &str, theirs: &str, ours: &str| {
        let text = format!(
            "{}: {what} is {theirs} in the file and {ours} in the schema of {}.{}; give the schema that the file was \
             written by",
            descriptor.path(&Component::Statistics).display(),
            schema.keyspace(),
            schema.name()
        );
        Err(Error::invalid(text))
    };
    if !reads_cells_of(&header.key_type, &theirs.key_type) {
        let names = |ty: &Type| match ty {
            Type::Composite(types) => names(types),
            single => single.cql_name(),
        };
        return refuse("the partition key", &names(&theirs.key_type), &names(&header.key_type));
    }
    let (clustering, ours) = (theirs.clustering.types(), header.clustering.types());
    let is_same =
        |(new, old): (&Type, &Type)| new.is_reversed() == old.is_reversed() && reads_cells_of(new, old);
    if clustering.len() != ours.len() || !ours.iter().zip(clustering).all(is_same) {
        return refuse("the clustering", &names(clustering), &names(ours));
    }
    for (is_static, columns) in [(true, &theirs.statics), (false, &theirs.regulars)] {
        for column in columns.as_slice() {
            let what = format!("column {}", column.name);
            let find =
                |columns: &Columns| columns.index_of(&column.name).and_then(|at| columns.get(at)).cloned();
            let dropped =
                schema.dropped_column(&column.name).filter(|dropped| dropped.is_static == is_static);
            match find(header.columns(is_static)) {
                _ if dropped.is_some() => {}
                Some(ours) if reads_cells_of(&ours.ty, &column.ty) => {}
                Some(ours) => return refuse(&what, &column.ty.cql_name(), &ours.ty.cql_name()),
                None if find(header.columns(!is_static)).is_some() => {
                    let kinds = if is_static { ("static", "not static") } else { ("not static", "static") };
                    return refuse(&what, kinds.0, kinds.1);
                }
                None => {
                    return refuse(
                        &what,
                        &column.ty.cql_name(),
                        "missing (a dropped column has to be defined and dropped there)",
                    );
                }
            }
        }
    }
    Ok(())
}

fn names(types: &[Type]) -> String {
    let name = |ty: &Type| format!("{}{}", ty.cql_name(), if ty.is_reversed() { " DESC" } else { "" });
    let names: Vec<String> = types.iter().map(name).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
