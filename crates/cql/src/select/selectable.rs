//! What can be selected, before and after it has a type (`Selectable`).

use std::fmt;
use std::sync::Arc;

use helenus_cql_syntax::{ColumnMeta, Identifier, NativeType, Term};
use helenus_rows::ColumnKind;
use helenus_schema::TableDef;
use helenus_types::Type;

use super::selector::{Meta, MetaPath, SelectedColumn, SelectorBuilder, SelectorNode, ValueUse};
use crate::assignability::{Assignability, is_value_of, of_type};
use crate::error::{CqlResult, refuse};
use crate::functions::{self, Argument, Caller, Function, FunctionBody, FunctionReference};
use crate::restrictions::{ColumnPlace, placed};
use crate::scope::Scope;
use crate::spec::ColumnSpec;
use crate::term;

/// Something that is selected, with its columns and functions found.
#[derive(Clone, Debug)]
pub(super) enum Selectable {
    Column(ColumnPlace, ColumnSpec),
    /// A constant or a marker.
    Value(Term),
    Meta {
        meta: ColumnMeta,
        column: (ColumnPlace, ColumnSpec),
        of: Box<Selectable>,
    },
    Call {
        function: Arc<Function>,
        arguments: Vec<Selectable>,
    },
    Cast {
        of: Box<Selectable>,
        to: NativeType,
    },
    Field {
        of: Box<Selectable>,
        field: Identifier,
    },
    Element {
        of: Box<Selectable>,
        key: Term,
    },
    Slice {
        of: Box<Selectable>,
        from: Option<Term>,
        to: Option<Term>,
    },
    Tuple(Vec<Selectable>),
    List(Vec<Selectable>),
    Set(Vec<Selectable>),
    Map(Vec<(Selectable, Selectable)>),
    /// The value of a user type, or a map whose keys are columns.
    Fields(Vec<(Identifier, Selectable)>),
    Hint {
        ty: Type,
        word: String,
        of: Box<Selectable>,
    },
}

/// Finds the columns and functions of a selected term.
pub(super) fn prepare(scope: &Scope<'_>, table: &TableDef, term: &Term) -> CqlResult<Selectable> {
    let one = |term: &Term| prepare(scope, table, term);
    let boxed = |term: &Term| prepare(scope, table, term).map(Box::new);
    let all = |terms: &[Term]| terms.iter().map(one).collect::<CqlResult<Vec<_>>>();
    Ok(match term {
        Term::Column(name) => {
            let (place, spec) = placed(table, name)?;
            Selectable::Column(place, spec)
        }
        Term::Literal(_) | Term::Null | Term::Marker(_) => Selectable::Value(term.clone()),
        Term::CountRows => call(scope, table, &FunctionReference::native(functions::COUNT_ROWS), Vec::new())?,
        Term::Function { name, arguments } => {
            call(scope, table, &FunctionReference::of(name), all(arguments)?)?
        }
        Term::Negation(_) | Term::Binary { .. } => {
            let Some((name, terms)) = functions::call_of(term) else { return refuse(term.to_string()) };
            let arguments = terms.into_iter().map(one).collect::<CqlResult<_>>()?;
            call(scope, table, &name, arguments)?
        }
        Term::Cast { term, to } => Selectable::Cast { of: boxed(term)?, to: *to },
        Term::TypeHint { cql_type, term } => {
            let of = boxed(term)?;
            let ty = scope.resolve_type(table.keyspace(), cql_type)?.freeze();
            Selectable::Hint {
                ty,
                word: cql_type.in_keyspace(&Identifier::exact(&**table.keyspace())).to_string(),
                of,
            }
        }
        Term::Field { of, field } => Selectable::Field { of: boxed(of)?, field: field.clone() },
        Term::Element { of, key } => Selectable::Element { of: boxed(of)?, key: (**key).clone() },
        Term::Slice { of, from, to } => {
            let end = |end: &Option<Box<Term>>| end.as_deref().cloned();
            Selectable::Slice { of: boxed(of)?, from: end(from), to: end(to) }
        }
        Term::ColumnMeta { meta, of } => {
            let Some(name) = column_of(of) else { return refuse(format!("{of} is no column")) };
            Selectable::Meta { meta: *meta, column: placed(table, name)?, of: boxed(of)? }
        }
        Term::Tuple(terms) => Selectable::Tuple(all(terms)?),
        Term::List(terms) => Selectable::List(all(terms)?),
        Term::Set(terms) => Selectable::Set(all(terms)?),
        Term::Map(entries) => {
            let both = entries.iter().map(|(key, value)| Ok((one(key)?, one(value)?)));
            Selectable::Map(both.collect::<CqlResult<_>>()?)
        }
        Term::Udt(fields) => {
            let each = fields.iter().map(|(name, value)| Ok((name.clone(), one(value)?)));
            Selectable::Fields(each.collect::<CqlResult<_>>()?)
        }
    })
}

/// The column that an element, a slice or a field is of.
fn column_of(term: &Term) -> Option<&Identifier> {
    match term {
        Term::Column(name) => Some(name),
        Term::Field { of, .. } | Term::Element { of, .. } | Term::Slice { of, .. } => column_of(of),
        _ => None,
    }
}

fn call(
    scope: &Scope<'_>,
    table: &TableDef,
    name: &FunctionReference,
    mut arguments: Vec<Selectable>,
) -> CqlResult<Selectable> {
    let mut resolved = name.clone();
    let is_constant = |arguments: &[Selectable]| matches!(arguments, [Selectable::Value(Term::Literal(_))]);
    if name.is_native("count") && is_constant(&arguments) {
        resolved = FunctionReference::native(functions::COUNT_ROWS);
        arguments.clear();
    }
    let caller = Caller { table: Some((table.keyspace(), table.name())), receiver: None };
    let tested: Vec<&dyn Argument> = arguments.iter().map(|argument| argument as &dyn Argument).collect();
    match functions::resolve(scope, &resolved, &tested, caller)? {
        Some(function) => Ok(Selectable::Call { function, arguments }),
        None => refuse(format!("Unknown function '{name}'")),
    }
}

impl Selectable {
    /// Shows all columns that are read.
    pub(super) fn columns(&self, show: &mut impl FnMut(ColumnPlace)) {
        match self {
            Self::Column(place, _) => show(*place),
            Self::Value(_) => {}
            Self::Meta { of, .. }
            | Self::Cast { of, .. }
            | Self::Field { of, .. }
            | Self::Element { of, .. }
            | Self::Slice { of, .. }
            | Self::Hint { of, .. } => of.columns(show),
            Self::Call { arguments: each, .. } | Self::Tuple(each) | Self::List(each) | Self::Set(each) => {
                each.iter().for_each(|one| one.columns(show));
            }
            Self::Map(entries) => entries.iter().for_each(|(key, value)| {
                key.columns(show);
                value.columns(show);
            }),
            Self::Fields(fields) => fields.iter().for_each(|(_, value)| value.columns(show)),
        }
    }

    /// The type that it has by itself, if that is known (`getExactTypeIfKnown`).
    fn exact_type(&self) -> Option<Type> {
        match self {
            Self::Column(_, spec) => Some(spec.ty.clone()),
            Self::Value(_) | Self::Map(_) | Self::Fields(_) => None,
            Self::Meta { meta, column: (_, spec), .. } => {
                let ty = meta_type(*meta);
                let lists = spec.ty.is_multi_cell() && *meta != ColumnMeta::MaxWriteTime;
                Some(if lists { Type::list(ty) } else { ty })
            }
            Self::Call { function, .. } => Some(function.result.clone()),
            Self::Cast { to, .. } => Some(NativeType::ty(*to)),
            Self::Hint { ty, .. } => Some(ty.clone()),
            Self::Field { of, field } => match of.exact_type()? {
                Type::Udt { definition, .. } => definition
                    .fields
                    .iter()
                    .find(|(name, _)| field == name.as_str())
                    .map(|(_, ty)| ty.clone()),
                _ => None,
            },
            Self::Element { of, .. } => element_type(&of.exact_type()?),
            Self::Slice { of, .. } => of.exact_type().filter(is_collection),
            Self::Tuple(parts) if parts.len() == 1 => None,
            Self::Tuple(parts) => {
                parts.iter().map(Self::exact_type).collect::<Option<Vec<_>>>().map(Type::tuple)
            }
            Self::List(parts) => {
                parts.iter().find_map(Self::exact_type).map(|element| Type::list(element).freeze())
            }
            Self::Set(parts) => {
                parts.iter().find_map(Self::exact_type).map(|element| Type::set(element).freeze())
            }
        }
    }

    /// Makes the selector of the value, for a type if one is expected.
    pub(super) fn select(
        &self,
        to: &mut SelectorBuilder<'_, '_>,
        expected: Option<&Type>,
    ) -> CqlResult<SelectedColumn> {
        match self {
            Self::Column(place, spec) => {
                let node = SelectorNode::Column(to.column(*place));
                Ok(SelectedColumn { name: spec.name.to_string(), ty: spec.ty.clone(), node })
            }
            Self::Value(term) => {
                let Some(ty) = expected else { return self.untyped() };
                let node = SelectorNode::Value(to.value(term, "[selection]", ty, ValueUse::Selected)?);
                Ok(SelectedColumn { name: self.to_string(), ty: ty.clone(), node })
            }
            Self::Meta { meta, column, of } => select_meta(to, *meta, column, of),
            Self::Call { function, arguments } => select_call(to, function, arguments),
            Self::Cast { of, to: target } => select_cast(to, of, *target),
            Self::Field { of, field } => {
                let inner_type = match &**of {
                    Self::Tuple(parts) => parts.first().and_then(Self::exact_type),
                    _ => None,
                };
                select_field(of.select(to, inner_type.as_ref())?, of, field)
            }
            Self::Element { of, key } => self.select_element(to, of, key),
            Self::Slice { of, from, to: end } => {
                let of_selector = of.select(to, expected)?;
                self.select_slice(to, of, of_selector, [from.as_ref(), end.as_ref()])
            }
            Self::Tuple(parts) => self.select_tuple(to, parts, expected),
            Self::List(parts) | Self::Set(parts) => self.select_collection(to, parts, expected),
            Self::Map(entries) => self.select_map(to, entries, expected),
            Self::Fields(fields) => self.select_fields(to, fields, expected),
            Self::Hint { ty, word, of } => {
                let receiver = ColumnSpec {
                    keyspace: to.table.keyspace().clone(),
                    table: to.table.name().clone(),
                    name: self.to_string().into(),
                    ty: ty.clone(),
                };
                // A collection of several cells is none in one.
                let thaws = of.exact_type().is_some_and(|of| of.is_multi_cell()) && !ty.is_multi_cell();
                if thaws || of.assignment(to.scope, &receiver)? == Assignability::None {
                    return refuse(format!("Cannot assign value {self} to {self} of type {}", ty.cql_name()));
                }
                let selected = of.select(to, Some(ty))?;
                Ok(SelectedColumn {
                    name: format!("({word}){}", selected.name),
                    ty: ty.clone(),
                    node: selected.node,
                })
            }
        }
    }

    fn untyped<T>(&self) -> CqlResult<T> {
        refuse(format!(
            "Cannot infer type for term {self} in selection clause (try using a cast to force a type)"
        ))
    }

    fn select_element(
        &self,
        to: &mut SelectorBuilder<'_, '_>,
        of: &Self,
        key: &Term,
    ) -> CqlResult<SelectedColumn> {
        let selected = of.select(to, None)?;
        let ty = selected.ty.clone();
        if !is_collection(&ty) {
            let name = ty.cql_name();
            return refuse(format!("Invalid element selection: {of} is of type {name} is not a collection"));
        }
        let (name, key_type) = key_of(&ty, of, &selected.name, "Element")?;
        let key = to.value(key, &name, &key_type, ValueUse::Key(selected.name.clone()))?;
        let result = element_type(&ty).unwrap_or(Type::Blob);
        let node = SelectorNode::Element { of: Box::new(selected.node), ty, key };
        Ok(SelectedColumn { name: self.to_string(), ty: result, node })
    }

    fn select_slice(
        &self,
        to: &mut SelectorBuilder<'_, '_>,
        of: &Self,
        selected: SelectedColumn,
        ends: [Option<&Term>; 2],
    ) -> CqlResult<SelectedColumn> {
        let ty = selected.ty.clone();
        if !is_collection(&ty) {
            let name = ty.cql_name();
            return refuse(format!("Invalid slice selection: {of} of type {name} is not a collection"));
        }
        let (name, key_type) = key_of(&ty, of, &selected.name, "Slice")?;
        let mut end = |end: Option<&Term>| {
            let each = ValueUse::SliceEnd(selected.name.clone());
            end.map(|end| to.value(end, &name, &key_type, each)).transpose()
        };
        let [from, until] = ends;
        let (from, until) = (end(from)?, end(until)?);
        let node = SelectorNode::Slice { of: Box::new(selected.node), ty: ty.clone(), from, to: until };
        Ok(SelectedColumn { name: self.to_string(), ty, node })
    }

    fn select_tuple(
        &self,
        to: &mut SelectorBuilder<'_, '_>,
        parts: &[Self],
        expected: Option<&Type>,
    ) -> CqlResult<SelectedColumn> {
        let Some(ty) = self.exact_type().or_else(|| expected.cloned()) else { return self.untyped() };
        if let ([one], false) = (parts, matches!(ty, Type::Tuple(_))) {
            let selected = one.select(to, expected)?;
            return Ok(SelectedColumn { name: format!("({})", selected.name), ..selected });
        }
        let types: Vec<Type> = ty.children().cloned().collect();
        let mut each = Vec::new();
        for (part, ty) in parts.iter().zip(types.iter().map(Some).chain(std::iter::repeat(None))) {
            each.push(part.select(to, ty)?);
        }
        let (names, nodes) = split(each);
        Ok(SelectedColumn {
            name: format!("({})", names.join(", ")),
            ty: ty.clone(),
            node: SelectorNode::Elements { ty, parts: nodes },
        })
    }

    fn select_collection(
        &self,
        to: &mut SelectorBuilder<'_, '_>,
        parts: &[Self],
        expected: Option<&Type>,
    ) -> CqlResult<SelectedColumn> {
        let is_vector = matches!((self, expected), (Self::List(_), Some(Type::Vector { .. })));
        let own = if is_vector { None } else { self.exact_type() };
        let Some(ty) = own.or_else(|| expected.cloned()) else { return self.untyped() };
        if let (Self::Set(_), Type::Map { .. }) = (self, &ty) {
            return self.select_map(to, &[], Some(&ty));
        }
        let element = ty.element().cloned();
        let each =
            parts.iter().map(|part| part.select(to, element.as_ref())).collect::<CqlResult<Vec<_>>>()?;
        let (names, nodes) = split(each);
        let (open, close) = if matches!(self, Self::List(_)) { ("[", "]") } else { ("{", "}") };
        Ok(SelectedColumn {
            name: format!("{open}{}{close}", names.join(", ")),
            ty: ty.clone(),
            node: SelectorNode::Elements { ty, parts: nodes },
        })
    }

    fn select_map(
        &self,
        to: &mut SelectorBuilder<'_, '_>,
        entries: &[(Self, Self)],
        expected: Option<&Type>,
    ) -> CqlResult<SelectedColumn> {
        let Some(ty) =
            self.exact_type().filter(|ty| matches!(ty, Type::Map { .. })).or_else(|| expected.cloned())
        else {
            return self.untyped();
        };
        let (mut names, mut parts) = (Vec::new(), Vec::new());
        for (key, value) in entries {
            let (key, value) = (key.select(to, ty.key())?, value.select(to, ty.value())?);
            names.push(format!("{}: {}", key.name, value.name));
            parts.extend([key.node, value.node]);
        }
        Ok(SelectedColumn {
            name: format!("{{{}}}", names.join(", ")),
            ty: ty.clone(),
            node: SelectorNode::Elements { ty, parts },
        })
    }

    fn select_fields(
        &self,
        to: &mut SelectorBuilder<'_, '_>,
        fields: &[(Identifier, Self)],
        expected: Option<&Type>,
    ) -> CqlResult<SelectedColumn> {
        let Some(ty) = expected else { return self.untyped() };
        let Type::Udt { definition, .. } = ty else {
            let columns = fields.iter().map(|(name, value)| {
                let (place, spec) = placed(to.table, name)?;
                Ok((Self::Column(place, spec), value.clone()))
            });
            let entries = columns.collect::<CqlResult<Vec<_>>>()?;
            return self.select_map(to, &entries, expected);
        };
        let is_known = |name: &Identifier| definition.fields.iter().any(|(field, _)| name == field.as_str());
        if let Some((unknown, _)) = fields.iter().find(|(name, _)| !is_known(name)) {
            let ty = &definition.name;
            return refuse(format!("Unknown field '{unknown}' in value of user defined type {ty}"));
        }
        let (mut names, mut parts) = (Vec::new(), Vec::new());
        for (field, ty) in &definition.fields {
            let null = Self::Value(Term::Null);
            let given = fields.iter().rev().find(|(name, _)| name == field.as_str());
            let selected = given.map_or(&null, |(_, value)| value).select(to, Some(ty))?;
            if given.is_some() {
                names.push(format!("{field}: {}", selected.name));
            }
            parts.push(selected.node);
        }
        Ok(SelectedColumn {
            name: format!("{{{}}}", names.join(", ")),
            ty: ty.clone(),
            node: SelectorNode::Elements { ty: ty.clone(), parts },
        })
    }
}

fn split(each: Vec<SelectedColumn>) -> (Vec<String>, Vec<SelectorNode>) {
    each.into_iter().map(|selector| (selector.name, selector.node)).unzip()
}

fn is_collection(ty: &Type) -> bool {
    matches!(ty.base(), Type::List { .. } | Type::Set { .. } | Type::Map { .. })
}

/// The type of what a key selects of a collection.
fn element_type(ty: &Type) -> Option<Type> {
    match ty.base() {
        Type::Map { entry, .. } => Some(entry.1.clone()),
        Type::Set { element, .. } | Type::List { element, .. } => Some((**element).clone()),
        _ => None,
    }
}

/// The name and the type of a collection's key as a receiver.
fn key_of(ty: &Type, of: &Selectable, name: &str, what: &str) -> CqlResult<(String, Type)> {
    match ty.base() {
        Type::Map { entry, .. } => Ok((format!("key({name})"), entry.0.clone())),
        Type::Set { element, .. } => Ok((format!("value({name})"), (**element).clone())),
        _ => refuse(format!("{what} selection is only allowed on sets and maps, but {of} is a list")),
    }
}

fn meta_type(meta: ColumnMeta) -> Type {
    if meta == ColumnMeta::Ttl { Type::Int } else { Type::BigInt }
}

fn select_meta(
    to: &mut SelectorBuilder<'_, '_>,
    meta: ColumnMeta,
    column: &(ColumnPlace, ColumnSpec),
    of: &Selectable,
) -> CqlResult<SelectedColumn> {
    let (place, spec) = column;
    if matches!(place.kind, ColumnKind::PartitionKey | ColumnKind::Clustering) {
        let (function, name) = (meta.name(), &spec.name);
        return refuse(format!("Cannot use selection function {function} on PRIMARY KEY part {name}"));
    }
    let selected = of.select(to, None)?;
    let lists = selected.ty.is_multi_cell() && meta != ColumnMeta::MaxWriteTime;
    let ty = if lists { Type::list(meta_type(meta)) } else { meta_type(meta) };
    let is_multi = spec.ty.is_multi_cell();
    let path = match selected.node.clone() {
        SelectorNode::Field { index, .. } => MetaPath::Field(index),
        SelectorNode::Element { key, .. } => MetaPath::Element(key),
        SelectorNode::Slice { from, to, .. } => MetaPath::Slice(from, to),
        _ => MetaPath::Whole,
    };
    let name = format!("{}({})", meta.name(), selected.name);
    let leaf = Meta { meta, column: spec.clone(), place: *place, path, of: selected.node, is_multi, lists };
    Ok(SelectedColumn { name, ty, node: SelectorNode::Meta(to.meta(leaf)) })
}

fn select_call(
    to: &mut SelectorBuilder<'_, '_>,
    function: &Arc<Function>,
    arguments: &[Selectable],
) -> CqlResult<SelectedColumn> {
    let before = to.aggregates.len();
    let mut each = Vec::with_capacity(arguments.len());
    for (argument, ty) in arguments.iter().zip(&function.arguments) {
        each.push(argument.select(to, Some(ty))?);
    }
    let (names, parts) = split(each);
    let node = match &function.body {
        FunctionBody::Scalar(_) => SelectorNode::Call { function: function.clone(), arguments: parts },
        FunctionBody::Aggregate(kind) => {
            if to.aggregates.len() > before {
                return refuse("aggregate functions cannot be used as arguments of aggregate functions");
            }
            to.aggregates.push((kind.clone(), parts.into_iter().next()));
            SelectorNode::Aggregate(to.aggregates.len() - 1)
        }
    };
    Ok(SelectedColumn { name: function.column_name(&names), ty: function.result.clone(), node })
}

fn select_cast(
    to: &mut SelectorBuilder<'_, '_>,
    of: &Selectable,
    target: NativeType,
) -> CqlResult<SelectedColumn> {
    let selected = of.select(to, None)?;
    if target.ty() == selected.ty {
        return Ok(selected);
    }
    let name = functions::cast_name(target.name());
    let caller = Caller { table: Some((to.table.keyspace(), to.table.name())), receiver: None };
    let Some(function) = functions::resolve(to.scope, &name, &[of as &dyn Argument], caller)? else {
        return refuse(format!("{of} cannot be cast to {target}"));
    };
    let name = function.column_name(&[selected.name]);
    let ty = function.result.clone();
    Ok(SelectedColumn { name, ty, node: SelectorNode::Call { function, arguments: vec![selected.node] } })
}

fn select_field(selected: SelectedColumn, of: &Selectable, field: &Identifier) -> CqlResult<SelectedColumn> {
    let Type::Udt { definition, .. } = &selected.ty else {
        let ty = selected.ty.cql_name();
        return refuse(format!("Invalid field selection: {of} of type {ty} is not a user type"));
    };
    let found = definition.fields.iter().enumerate().find(|(_, (name, _))| field == name.as_str());
    let Some((index, (_, ty))) = found else {
        return refuse(format!("{of} of type {} has no field {field}", selected.ty.cql_name()));
    };
    Ok(SelectedColumn {
        name: format!("{}.{}", selected.name, field.as_str()),
        ty: ty.clone(),
        node: SelectorNode::Field { of: Box::new(selected.node), ty: selected.ty.clone(), index },
    })
}

impl Argument for Selectable {
    fn assignment(&self, scope: &Scope<'_>, receiver: &ColumnSpec) -> CqlResult<Assignability> {
        let all = |parts: &[Self], spec: ColumnSpec| match parts {
            [] => Ok(Assignability::Weak),
            parts => Assignability::all(parts.iter().map(|part| part.assignment(scope, &spec))),
        };
        match (self, &receiver.ty) {
            (Self::Value(term), _) => term::assignment(scope, term, receiver),
            (Self::Tuple(parts), Type::Tuple(types)) => {
                if parts.len() > types.len() {
                    return Ok(Assignability::None);
                }
                for (index, (part, ty)) in parts.iter().zip(types.iter()).enumerate() {
                    if part.assignment(scope, &receiver.component(index, ty))? == Assignability::None {
                        return Ok(Assignability::None);
                    }
                }
                Ok(Assignability::Weak)
            }
            (Self::Tuple(parts), _) => match parts.as_slice() {
                [one] => one.assignment(scope, receiver),
                _ => Ok(Assignability::None),
            },
            (Self::List(parts), Type::Vector { element, dimension }) => {
                if u32::try_from(parts.len()) != Ok(*dimension) {
                    return Ok(Assignability::None);
                }
                all(parts, receiver.value(element))
            }
            (Self::List(parts), Type::List { element, .. })
            | (Self::Set(parts), Type::Set { element, .. }) => all(parts, receiver.value(element)),
            (Self::Set(parts), Type::Map { .. }) if parts.is_empty() => Ok(Assignability::Weak),
            (Self::Map(entries), Type::Map { entry, .. }) => {
                let (key, value) = (receiver.key(&entry.0), receiver.value(&entry.1));
                let each = entries.iter().flat_map(|(k, v)| [(k, &key), (v, &value)]);
                Assignability::all(each.map(|(part, spec)| part.assignment(scope, spec)))
            }
            (Self::Fields(fields), Type::Udt { definition, .. }) => {
                for (name, value) in fields {
                    let Some((field, ty)) =
                        definition.fields.iter().find(|(field, _)| name == field.as_str())
                    else {
                        return Ok(Assignability::None);
                    };
                    if value.assignment(scope, &receiver.field(field, ty))? == Assignability::None {
                        return Ok(Assignability::None);
                    }
                }
                Ok(Assignability::Weak)
            }
            (Self::Fields(_), Type::Map { .. }) => Ok(Assignability::Weak),
            (Self::List(_) | Self::Set(_) | Self::Map(_) | Self::Fields(_), _) => Ok(Assignability::None),
            (Self::Hint { ty, .. }, wanted) if ty == wanted => Ok(Assignability::Exact),
            (Self::Hint { ty, .. }, wanted) if is_value_of(ty, wanted) => Ok(Assignability::Weak),
            (Self::Hint { .. }, _) => Ok(Assignability::None),
            (_, wanted) => Ok(self.exact_type().map_or(Assignability::None, |ty| of_type(&ty, wanted))),
        }
    }

    fn compatible_type(&self, scope: &Scope<'_>) -> CqlResult<Option<Type>> {
        let one = |parts: &[Self]| -> CqlResult<Option<Type>> {
            let types =
                parts.iter().map(|part| part.compatible_type(scope)).collect::<CqlResult<Vec<_>>>()?;
            let known: Vec<Type> = types.into_iter().flatten().collect();
            Ok(known.iter().find(|wanted| known.iter().all(|ty| is_value_of(ty, wanted))).cloned())
        };
        match self {
            Self::Value(term) => term::compatible_type(scope, term),
            Self::List(parts) => Ok(one(parts)?.map(|element| Type::list(element).freeze())),
            Self::Set(parts) => Ok(one(parts)?.map(|element| Type::set(element).freeze())),
            Self::Tuple(parts) if parts.len() > 1 => {
                let types = parts.iter().map(|part| part.compatible_type(scope));
                Ok(types.collect::<CqlResult<Option<Vec<_>>>>()?.map(Type::tuple))
            }
            other => Ok(other.exact_type()),
        }
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn selected_elements(&self) -> Option<usize> {
        match self {
            Self::List(parts) => Some(parts.len()),
            _ => None,
        }
    }
}

/// The text in errors, and in the names of what is selected of it.
impl fmt::Display for Selectable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |parts: &[Self]| parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let end = |end: &Option<Term>| end.as_ref().map(term::text).unwrap_or_default();
        match self {
            Self::Column(_, spec) => f.write_str(&spec.name),
            Self::Value(term) => f.write_str(&term::text(term)),
            Self::Meta { meta, of, .. } => write!(f, "{}({of})", meta.name()),
            Self::Call { function, arguments } => {
                let names: Vec<String> = arguments.iter().map(ToString::to_string).collect();
                f.write_str(&function.column_name(&names))
            }
            Self::Cast { of, to } => write!(f, "cast({of} as {})", to.name()),
            Self::Field { of, field } => write!(f, "{of}.{}", field.as_str()),
            Self::Element { of, key } => write!(f, "{of}[{}]", term::text(key)),
            Self::Slice { of, from, to } => write!(f, "{of}[{}..{}]", end(from), end(to)),
            Self::Tuple(parts) => write!(f, "({})", join(parts)),
            Self::List(parts) => write!(f, "[{}]", join(parts)),
            Self::Set(parts) => write!(f, "{{{}}}", join(parts)),
            Self::Map(entries) => {
                let each: Vec<String> =
                    entries.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                write!(f, "{{{}}}", each.join(", "))
            }
            Self::Fields(fields) => {
                let each = fields.iter().map(|(name, value)| format!("{}: {value}", name.as_str()));
                write!(f, "{{{}}}", each.collect::<Vec<_>>().join(", "))
            }
            Self::Hint { word, of, .. } => write!(f, "({word}){of}"),
        }
    }
}
