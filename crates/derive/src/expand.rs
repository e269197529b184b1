//! From a struct's fields and attributes to the implementations of the traits.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Fields, Generics, Ident, LitStr, Result, Type};

/// What a struct stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Derived {
    /// A row: each field is a column.
    Row,
    /// A user type's value: each field is one of its.
    Udt,
}

impl Derived {
    /// Name of the attribute.
    fn attribute(self) -> &'static str {
        match self {
            Derived::Row => "row",
            Derived::Udt => "udt",
        }
    }

    /// What can stand in it on a field.
    fn field_attributes(self) -> &'static str {
        match self {
            Derived::Row => "rename = \"…\", skip, flatten, default or skip_none",
            Derived::Udt => "rename = \"…\", skip or default",
        }
    }

    /// Why something is none.
    fn what(self) -> &'static str {
        match self {
            Derived::Row => {
                "Row can be derived for structs with named fields: each is the column of its name"
            }
            Derived::Udt => {
                "Udt can be derived for structs with named fields: each is the type's field of its name"
            }
        }
    }
}

/// The role of a field: a column, several columns, or none.
enum FieldRole {
    /// A column.
    Column { name: String, default: bool, skip_none: bool },
    /// Several columns, those of the field's own struct.
    Flatten,
    /// None.
    Skip,
}

struct RowField<'a> {
    ident: &'a Ident,
    ty: &'a Type,
    role: FieldRole,
}

/// The implementations of `ToRow` and, unless the struct borrows, of `FromRow`.
pub(crate) fn row(input: &DeriveInput) -> Result<TokenStream> {
    let fields = fields(input, Derived::Row)?;
    let to_row = to_row(input, &fields);
    let borrows = input.generics.lifetimes().next().is_some();
    let from_row = if borrows { TokenStream::new() } else { from_row(input, &fields) };
    Ok(quote! { #to_row #from_row })
}

/// The implementations of `EncodeValue` and, unless the struct borrows, of `DecodeValue`.
pub(crate) fn udt(input: &DeriveInput) -> Result<TokenStream> {
    let fields = fields(input, Derived::Udt)?;
    let encode = encode_udt(input, &fields);
    let borrows = input.generics.lifetimes().next().is_some();
    let decode = if borrows { TokenStream::new() } else { decode_udt(input, &fields) };
    Ok(quote! { #encode #decode })
}

fn fields(input: &DeriveInput, target: Derived) -> Result<Vec<RowField<'_>>> {
    let what = target.what();
    let Data::Struct(data) = &input.data else { return Err(Error::new_spanned(&input.ident, what)) };
    let Fields::Named(named) = &data.fields else { return Err(Error::new_spanned(&input.ident, what)) };
    let case = rename_all(&input.attrs, target)?;
    let mut fields = Vec::new();
    for field in &named.named {
        let Some(ident) = &field.ident else { continue };
        let role = role(&field.attrs, ident, case, target)?;
        if let FieldRole::Column { name, .. } = &role {
            let is_name = |other: &RowField<'_>| matches!(&other.role, FieldRole::Column { name: taken, .. } if taken == name);
            if fields.iter().any(is_name) {
                let what = if target == Derived::Row { "column" } else { "type's field" };
                return Err(Error::new_spanned(ident, format!("two fields are the {what} `{name}`")));
            }
        }
        fields.push(RowField { ident, ty: &field.ty, role });
    }
    Ok(fields)
}

/// The rule that makes column names from field names.
#[derive(Clone, Copy)]
enum NameCase {
    Same,
    Camel,
    Pascal,
    ScreamingSnake,
}

impl NameCase {
    fn apply(self, field: &str) -> String {
        match self {
            NameCase::Same => field.to_owned(),
            NameCase::ScreamingSnake => field.to_uppercase(),
            NameCase::Pascal => field.split('_').map(capitalized).collect(),
            NameCase::Camel => {
                let mut words = field.split('_').filter(|word| !word.is_empty());
                let first = words.next().unwrap_or_default().to_owned();
                words.map(capitalized).fold(first, |name, word| name + &word)
            }
        }
    }
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn rename_all(attributes: &[Attribute], target: Derived) -> Result<NameCase> {
    let mut case = NameCase::Same;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(target.attribute())) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("rename_all") {
                return Err(meta.error("on a struct there is only `rename_all = \"…\"`"));
            }
            let name: LitStr = meta.value()?.parse()?;
            case = match name.value().as_str() {
                "snake_case" => NameCase::Same,
                "camelCase" => NameCase::Camel,
                "PascalCase" => NameCase::Pascal,
                "SCREAMING_SNAKE_CASE" => NameCase::ScreamingSnake,
                _ => {
                    let known = "expected snake_case, camelCase, PascalCase or SCREAMING_SNAKE_CASE";
                    return Err(Error::new_spanned(&name, known));
                }
            };
            Ok(())
        })?;
    }
    Ok(case)
}

fn role(attributes: &[Attribute], ident: &Ident, case: NameCase, target: Derived) -> Result<FieldRole> {
    let (mut rename, mut skip, mut flatten) = (None, false, false);
    let (mut default, mut skip_none) = (false, false);
    let is_row = target == Derived::Row;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(target.attribute())) {
        attribute.parse_nested_meta(|meta| {
            let flag = match &meta.path {
                path if path.is_ident("rename") => {
                    let name: LitStr = meta.value()?.parse()?;
                    rename = Some(name.value());
                    return Ok(());
                }
                path if path.is_ident("skip") => &mut skip,
                path if path.is_ident("flatten") && is_row => &mut flatten,
                path if path.is_ident("default") => &mut default,
                path if path.is_ident("skip_none") && is_row => &mut skip_none,
                _ => return Err(meta.error(format!("expected {}", target.field_attributes()))),
            };
            *flag = true;
            Ok(())
        })?;
    }
    let is_column = rename.is_some() || default || skip_none;
    match (skip, flatten) {
        (true, true) => Err(Error::new_spanned(ident, "a field is either skipped or flattened")),
        (true, false) | (false, true) if is_column && !is_row => {
            Err(Error::new_spanned(ident, "rename and default are for a field that is one of the type's"))
        }
        (true, false) | (false, true) if is_column => {
            Err(Error::new_spanned(ident, "rename, default and skip_none are for a field that is one column"))
        }
        (true, false) => Ok(FieldRole::Skip),
        (false, true) => Ok(FieldRole::Flatten),
        (false, false) => {
            let name = rename.unwrap_or_else(|| case.apply(&ident.unraw().to_string()));
            Ok(FieldRole::Column { name, default, skip_none })
        }
    }
}

/// The struct's own bounds and, where it has parameters, those that its columns need. Without
/// parameters the compiler checks each use by itself, and its errors point to the field.
fn bounded(
    generics: &Generics,
    fields: &[RowField<'_>],
    bound: impl Fn(&RowField<'_>) -> Option<TokenStream>,
) -> Generics {
    let mut bounded = generics.clone();
    if generics.type_params().next().is_none() {
        return bounded;
    }
    let clause = bounded.make_where_clause();
    for predicate in fields.iter().filter_map(bound) {
        clause.predicates.extend(syn::parse2::<syn::WherePredicate>(predicate));
    }
    bounded
}

fn to_row(input: &DeriveInput, fields: &[RowField<'_>]) -> TokenStream {
    let statements = fields.iter().map(|RowField { ident, ty, role }| match role {
        FieldRole::Column { name, skip_none: false, .. } => {
            quote_spanned! { ty.span()=> column(#name, &self.#ident); }
        }
        FieldRole::Column { name, .. } => quote_spanned! { ty.span()=>
            if ::core::option::Option::is_some(&self.#ident) {
                column(#name, &self.#ident);
            }
        },
        FieldRole::Flatten => quote_spanned! { ty.span()=> ::helenus::ToRow::columns(&self.#ident, column); },
        FieldRole::Skip => TokenStream::new(),
    });
    let generics = bounded(&input.generics, fields, |RowField { ty, role, .. }| match role {
        FieldRole::Column { .. } => Some(quote! { #ty: ::helenus::EncodeValue }),
        FieldRole::Flatten => Some(quote! { #ty: ::helenus::ToRow }),
        FieldRole::Skip => None,
    });
    let ident = &input.ident;
    let (parameters, arguments, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters ::helenus::ToRow for #ident #arguments #bounds {
            fn columns<'__row>(
                &'__row self,
                column: &mut dyn ::core::ops::FnMut(&'static str, &'__row dyn ::helenus::EncodeValue),
            ) {
                #(#statements)*
            }
        }
    }
}

fn from_row(input: &DeriveInput, fields: &[RowField<'_>]) -> TokenStream {
    let values = fields.iter().map(|RowField { ident, ty, role }| match role {
        FieldRole::Column { name, default: false, .. } => quote_spanned! { ty.span()=>
            #ident: ::helenus::RowView::get::<#ty>(row, #name)?
        },
        FieldRole::Column { name, .. } => quote_spanned! { ty.span()=>
            #ident: ::helenus::RowView::get::<::core::option::Option<#ty>>(row, #name)?.unwrap_or_default()
        },
        FieldRole::Flatten => quote_spanned! { ty.span()=>
            #ident: <#ty as ::helenus::FromRow>::from_row(row)?
        },
        FieldRole::Skip => quote_spanned! { ty.span()=> #ident: ::core::default::Default::default() },
    });
    let generics = bounded(&input.generics, fields, |RowField { ty, role, .. }| match role {
        FieldRole::Column { default, .. } => {
            let default = default.then(|| quote! { + ::core::default::Default });
            Some(quote! { #ty: for<'__value> ::helenus::DecodeValue<'__value> #default })
        }
        FieldRole::Flatten => Some(quote! { #ty: ::helenus::FromRow }),
        FieldRole::Skip => Some(quote! { #ty: ::core::default::Default }),
    });
    let ident = &input.ident;
    let (parameters, arguments, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters ::helenus::FromRow for #ident #arguments #bounds {
            fn from_row(row: &::helenus::RowView<'_>) -> ::helenus::Result<Self> {
                ::core::result::Result::Ok(Self { #(#values),* })
            }
        }
    }
}

fn encode_udt(input: &DeriveInput, fields: &[RowField<'_>]) -> TokenStream {
    let pairs = fields.iter().filter_map(|RowField { ident, ty, role }| match role {
        FieldRole::Column { name, .. } => Some(quote_spanned! { ty.span()=> (#name, &self.#ident) }),
        FieldRole::Flatten | FieldRole::Skip => None,
    });
    let generics = bounded(&input.generics, fields, |RowField { ty, role, .. }| match role {
        FieldRole::Column { .. } => Some(quote! { #ty: ::helenus::EncodeValue }),
        FieldRole::Flatten | FieldRole::Skip => None,
    });
    let ident = &input.ident;
    let (parameters, arguments, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters ::helenus::EncodeValue for #ident #arguments #bounds {
            fn encode(
                &self,
                ty: &::helenus::Type,
                out: &mut ::std::vec::Vec<u8>,
            ) -> ::core::result::Result<bool, ::helenus::ValueError> {
                ::helenus::encode_udt(ty, &[#(#pairs),*], out)
            }
        }
    }
}

fn decode_udt(input: &DeriveInput, fields: &[RowField<'_>]) -> TokenStream {
    let values = fields.iter().map(|RowField { ident, ty, role }| match role {
        FieldRole::Column { name, default: false, .. } => {
            quote_spanned! { ty.span()=> #ident: fields.get::<#ty>(#name)? }
        }
        FieldRole::Column { name, .. } => quote_spanned! { ty.span()=>
            #ident: fields.get::<::core::option::Option<#ty>>(#name)?.unwrap_or_default()
        },
        FieldRole::Flatten | FieldRole::Skip => {
            quote_spanned! { ty.span()=> #ident: ::core::default::Default::default() }
        }
    });
    let mut generics = bounded(&input.generics, fields, |RowField { ty, role, .. }| match role {
        FieldRole::Column { default, .. } => {
            let default = default.then(|| quote! { + ::core::default::Default });
            Some(quote! { #ty: ::helenus::DecodeValue<'__value> #default })
        }
        FieldRole::Flatten | FieldRole::Skip => Some(quote! { #ty: ::core::default::Default }),
    });
    let ident = &input.ident;
    let arguments = input.generics.split_for_impl().1;
    generics.params.insert(0, syn::parse_quote!('__value));
    let (parameters, _, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters ::helenus::DecodeValue<'__value> for #ident #arguments #bounds {
            fn decode(
                ty: &::helenus::Type,
                value: ::core::option::Option<&'__value [u8]>,
            ) -> ::core::result::Result<Self, ::helenus::ValueError> {
                let fields = ::helenus::UdtFields::new(ty, value)?;
                ::core::result::Result::Ok(Self { #(#values),* })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(item: &str, message: &str) {
        let input: DeriveInput = syn::parse_str(item).unwrap();
        assert_eq!(row(&input).unwrap_err().to_string(), message);
    }

    fn expanded(item: &str) -> String {
        row(&syn::parse_str(item).unwrap()).unwrap().to_string()
    }

    #[test]
    fn what_cannot_be_a_row_says_why() {
        let what = "Row can be derived for structs with named fields: each is the column of its name";
        check("enum E { A }", what);
        check("struct S(i32);", what);
        check("struct S;", what);
        check(
            "struct S { #[row(renamed = \"b\")] a: i32 }",
            "expected rename = \"…\", skip, flatten, default or skip_none",
        );
        check("#[row(rename = \"x\")] struct S { a: i32 }", "on a struct there is only `rename_all = \"…\"`");
        check(
            "#[row(rename_all = \"kebab-case\")] struct S { a: i32 }",
            "expected snake_case, camelCase, PascalCase or SCREAMING_SNAKE_CASE",
        );
        check("struct S { #[row(rename = \"b\")] a: i32, b: i32 }", "two fields are the column `b`");
        check("struct S { #[row(skip, flatten)] a: i32 }", "a field is either skipped or flattened");
        check(
            "struct S { #[row(skip, rename = \"b\")] a: i32 }",
            "rename, default and skip_none are for a field that is one column",
        );
    }

    #[test]
    fn what_cannot_be_a_user_type_says_why() {
        for (item, message) in [
            (
                "struct S(i32);",
                "Udt can be derived for structs with named fields: each is the type's field of its name",
            ),
            ("struct S { #[udt(flatten)] a: i32 }", "expected rename = \"…\", skip or default"),
            ("struct S { #[udt(rename = \"b\")] a: i32, b: i32 }", "two fields are the type's field `b`"),
            (
                "struct S { #[udt(skip, default)] a: i32 }",
                "rename and default are for a field that is one of the type's",
            ),
        ] {
            let input: DeriveInput = syn::parse_str(item).unwrap();
            assert_eq!(udt(&input).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn names_of_columns() {
        for (attribute, column) in [
            ("", "\"last_seen\""),
            ("#[row(rename_all = \"camelCase\")]", "\"lastSeen\""),
            ("#[row(rename_all = \"PascalCase\")]", "\"LastSeen\""),
            ("#[row(rename_all = \"SCREAMING_SNAKE_CASE\")]", "\"LAST_SEEN\""),
        ] {
            let code = expanded(&format!("{attribute} struct S {{ last_seen: i32 }}"));
            assert!(code.contains(column), "{attribute}: {code}");
        }
        assert!(expanded("struct S { r#type: i32 }").contains("\"type\""));
    }

    #[test]
    fn a_struct_that_borrows_is_written_only() {
        let code = expanded("struct S<'a> { a: &'a str }");
        assert!(code.contains("ToRow") && !code.contains("FromRow"), "{code}");
    }
}
