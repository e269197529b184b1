//! The error texts of writes: the table, the column, what was expected and found.

use std::fmt::Display;

use helenus_rows::TableSchema;
use helenus_types::{LocalDeletionTime, Type};

use crate::error::{Error, ErrorKind, NoSuchElement};

fn in_table(schema: &TableSchema, text: impl Display) -> Error {
    Error::invalid(format!("{}.{}: {text}", schema.keyspace(), schema.name()))
}

/// A wrong statement.
#[cold]
pub(super) fn table_problem(schema: &TableSchema, text: impl Display) -> Error {
    in_table(schema, text)
}

/// An error about a column's value.
#[cold]
pub(super) fn column_problem(schema: &TableSchema, column: &str, text: impl Display) -> Error {
    Error::invalid(format!("{}.{}, column {column}: {text}", schema.keyspace(), schema.name()))
}

/// An error about an index of a list.
#[cold]
pub(super) fn no_such_element(schema: &TableSchema, column: &str, missing: NoSuchElement) -> Error {
    let place = format_args!("{}.{}, column {column}", schema.keyspace(), schema.name());
    Error::with(ErrorKind::Invalid, missing).context(place)
}

#[cold]
pub(super) fn unknown_column(schema: &TableSchema, column: &str) -> Error {
    in_table(schema, format_args!("there is no column {column}"))
}

#[cold]
pub(super) fn key_column(schema: &TableSchema, column: &str) -> Error {
    column_problem(schema, column, "a column of the primary key can't be set, only named by the key")
}

#[cold]
pub(super) fn dropped_column(schema: &TableSchema, column: &str) -> Error {
    column_problem(schema, column, "the column was dropped before the write was carried out")
}

#[cold]
pub(super) fn changed_column(schema: &TableSchema, column: &str, ty: &Type) -> Error {
    column_problem(
        schema,
        column,
        format_args!("the column became a {ty} before the write was carried out, which can't hold the value"),
    )
}

#[cold]
pub(super) fn wrong_type(schema: &TableSchema, column: &str, ty: &Type, expected: &str) -> Error {
    column_problem(schema, column, format_args!("expected {expected}, it is a {ty}"))
}

#[cold]
pub(super) fn path_too_long(schema: &TableSchema, column: &str, len: usize) -> Error {
    column_problem(
        schema,
        column,
        format_args!("a set's element or a map's key can't exceed 65535 bytes, this one has {len}"),
    )
}

#[cold]
pub(super) fn missing_clustering(schema: &TableSchema, given: usize) -> Error {
    let missing = schema.clustering().get(given).map_or("", |column| &*column.name);
    in_table(
        schema,
        format_args!(
            "a row needs a value for each of its {} clustering columns, {given} were given: {missing} is missing",
            schema.clustering().len()
        ),
    )
}

#[cold]
pub(super) fn too_late(schema: &TableSchema, ttl: u32, latest: LocalDeletionTime) -> Error {
    let second =
        if latest == LocalDeletionTime::MAX { "2106-02-07T06:28:13Z" } else { "2038-01-19T03:14:06Z" };
    in_table(
        schema,
        format_args!(
            "with a time to live of {ttl} s it would expire past {second}, the latest time that the version of the table's \
             SSTables can hold: give it less, have it capped by `Options::late_deletion_times`, or let the table be \
             written in another version"
        ),
    )
}

#[cold]
pub(super) fn too_much(schema: &TableSchema, len: usize, max: usize) -> Error {
    in_table(
        schema,
        format_args!(
            "a mutation of {len} bytes is too large: at most {max} bytes, half a segment of the log, can be written at once"
        ),
    )
}
