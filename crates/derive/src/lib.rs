//! The macros that map a struct to the rows of a table, or to the values of a user type.
//!
//! **Knows** the attributes of `#[row(…)]` and `#[udt(…)]` and the names of the traits that it
//! implements. **Must not know** anything of the crates whose traits these are: the code that it
//! makes names them by the paths of `helenus`.
//!
//! Start reading at [`macro@Row`]; `expand.rs` does the work.

#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod expand;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `ToRow` and `FromRow` for a struct with named fields: each field is the column of its
/// name.
///
/// The table defines which columns are the key; the struct does not say it. A struct with lifetimes
/// can be written but not read.
///
/// On the struct:
///
/// * `#[row(rename_all = "camelCase")]`: the columns' names are the fields' in another case;
///   `PascalCase` and `SCREAMING_SNAKE_CASE` are the others.
///
/// On a field:
///
/// * `#[row(rename = "name")]`: the column has another name than the field.
/// * `#[row(skip)]`: the field is no column; reading makes it from `Default`.
/// * `#[row(flatten)]`: the fields of a struct that derives `Row` itself are columns of the same
///   row.
/// * `#[row(default)]`: null is read as the type's `Default`.
/// * `#[row(skip_none)]`: an `Option` that is `None` leaves the column unchanged; without it null
///   is written, which deletes the column's value.
#[proc_macro_derive(Row, attributes(row))]
pub fn derive_row(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::row(&input).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Implements `EncodeValue` and `DecodeValue` for a struct with named fields: it is the value of a
/// user type, each field the type's field of its name.
///
/// Fields of the type that the struct lacks are written as null and not read. A struct with
/// lifetimes can be written but not read.
///
/// On the struct:
///
/// * `#[udt(rename_all = "camelCase")]`: the type's names are the fields' in another case;
///   `PascalCase` and `SCREAMING_SNAKE_CASE` are the others.
///
/// On a field:
///
/// * `#[udt(rename = "name")]`: the type has another name for it.
/// * `#[udt(skip)]`: the type has no such field; reading makes it from `Default`.
/// * `#[udt(default)]`: null is read as the type's `Default`.
#[proc_macro_derive(Udt, attributes(udt))]
pub fn derive_udt(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::udt(&input).unwrap_or_else(|error| error.into_compile_error()).into()
}
