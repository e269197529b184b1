//! Relations to restrictions: columns looked up, operands prepared, what contradicts refused.

use std::sync::Arc;

use helenus_cql_syntax::{Comparison, Identifier, InValues, Relation, RelationTarget, Term};
use helenus_rows::ColumnKind;
use helenus_schema::TableDef;
use helenus_types::Type;

use super::indexes;
use super::{
    ColumnPlace, DeletedPart, InOperand, NEEDS_FILTERING, OperandExpr, Purpose, Restriction, RestrictionKind,
    Restrictions, in_type, tuple_type,
};
use crate::error::{CqlResult, refuse};
use crate::scope::{Scope, column, has_duration, spec, spec_of};
use crate::spec::ColumnSpec;
use crate::system::definitions::is_virtual;
use crate::system::refusals::NO_TOKEN;
use crate::term::{self, Expr, InExpr};

/// The restrictions that the relations make, of rows that are near to a vector in a column if one
/// is asked for; their markers are noted.
pub(crate) fn prepare(
    scope: &mut Scope<'_>,
    table: &Arc<TableDef>,
    relations: &[Relation],
    near: Option<&ColumnSpec>,
    purpose: Purpose,
) -> CqlResult<Restrictions> {
    let mut sorted = SortedRelations { near: near.cloned(), ..SortedRelations::default() };
    for relation in relations {
        let (restriction, is_token) = restriction(scope, table, relation, purpose)?;
        sorted.add(table, restriction, is_token)?;
    }
    sorted.into_restrictions(table, purpose)
}

/// The restrictions to one row whose key's values are known otherwise.
pub(crate) fn of_row(
    table: &Arc<TableDef>,
    key: Vec<(ColumnPlace, ColumnSpec, Expr)>,
    purpose: Purpose,
) -> CqlResult<Restrictions> {
    let mut sorted = SortedRelations::default();
    for (place, spec, expr) in key {
        let kind = RestrictionKind::Equal(OperandExpr::Each(vec![expr]));
        sorted.add(table, Restriction::new(vec![(place, spec)], kind), false)?;
    }
    sorted.into_restrictions(table, purpose)
}

/// Restrictions by the kind of their columns.
#[derive(Default)]
struct SortedRelations {
    partition: Vec<Restriction>,
    token: Option<Restriction>,
    clustering: Vec<Restriction>,
    others: Vec<Restriction>,
    /// The column of vectors that are to be near to one.
    near: Option<ColumnSpec>,
}

impl SortedRelations {
    fn add(&mut self, table: &TableDef, restriction: Restriction, is_token: bool) -> CqlResult<()> {
        if is_token {
            return match &mut self.token {
                Some(known) => {
                    let key = table.schema().partition_key().iter().map(|column| &*column.name);
                    merge(known, restriction, Subject::Token(&key.collect::<Vec<_>>().join(", ")))
                }
                none => {
                    *none = Some(restriction);
                    Ok(())
                }
            };
        }
        let list = match restriction.columns.first().map(|(place, _)| place.kind) {
            Some(ColumnKind::PartitionKey) => &mut self.partition,
            Some(ColumnKind::Clustering) => &mut self.clustering,
            _ => &mut self.others,
        };
        let is_same = |known: &&mut Restriction| {
            known.columns.iter().any(|(place, _)| restriction.columns.iter().any(|(other, _)| place == other))
        };
        let may_repeat = matches!(
            restriction.kind,
            RestrictionKind::Contains(_) | RestrictionKind::ContainsKey(_) | RestrictionKind::Entry { .. }
        );
        match list.iter_mut().find(is_same).filter(|_| !may_repeat) {
            Some(known) => merge(known, restriction, Subject::Columns),
            None => {
                list.push(restriction);
                Ok(())
            }
        }
    }

    /// What the whole is (`StatementRestrictions`), with Cassandra's errors in its order.
    fn into_restrictions(self, table: &Arc<TableDef>, purpose: Purpose) -> CqlResult<Restrictions> {
        let Self { partition, token, clustering, mut others, near } = self;
        let is_select = matches!(purpose, Purpose::Select { .. });
        let allow_filtering = matches!(purpose, Purpose::Select { allow_filtering: true, .. });
        let served =
            |list: &[Restriction]| is_select && list.iter().any(|one| indexes::is_served(table, one));
        let is_near_served = near.as_ref().is_some_and(|spec| indexes::is_indexed(table, &spec.name));
        let mut plan = IndexPlan {
            allow_filtering,
            is_served: is_near_served || served(&partition) || served(&clustering) || served(&others),
            is_key_range: false,
            uses_index: false,
            filtered: Vec::new(),
        };
        let mut restrictions = Restrictions {
            table: table.clone(),
            purpose,
            partition: Vec::new(),
            token,
            clustering: Vec::new(),
            tests: Vec::new(),
            is_keyed: false,
            needs_filtering: false,
            uses_index: false,
            is_unfilterable: false,
        };
        let (of_partition, of_clustering) = (partition.clone(), clustering.clone());
        restrictions.take_partition(partition, purpose, &mut plan)?;
        let filters_keys = !restrictions.is_keyed && !of_partition.is_empty();
        if plan.uses_index || filters_keys {
            plan.filtered.extend(of_partition);
        }
        restrictions.take_clustering(clustering, purpose, &mut plan)?;
        if plan.is_key_range && served(&of_clustering) {
            plan.uses_index = true;
        }
        if plan.uses_index || restrictions.filters_clustering() {
            plan.filtered.extend(of_clustering.iter().cloned());
        }
        if let Some(near) = &near {
            check_near(table, near, filters_keys, &of_clustering, &others, &restrictions)?;
        }
        // As Cassandra has them: by the columns' names.
        others.sort_by_key(|one| super::names(&one.columns));
        restrictions.take_others(others, near.is_some(), purpose, &mut plan)?;
        if plan.uses_index && restrictions.names_several_partitions() {
            return refuse(
                "Select on indexed columns and with IN clause for the PRIMARY KEY are not supported",
            );
        }
        restrictions.uses_index = plan.uses_index;
        let is_unfilterable = |one: &Restriction| one.is_tuple_slice() && indexes::is_served(table, one);
        restrictions.is_unfilterable = (plan.uses_index || restrictions.filters_clustering())
            && of_clustering.iter().any(is_unfilterable);
        let filtered: Vec<&Restriction> = plan.filtered.iter().collect();
        let by_filter = if filtered.is_empty() {
            near.is_none() && !of_clustering.is_empty()
        } else {
            !indexes::serve_all(table, &filtered)
        };
        restrictions.needs_filtering = (plan.is_key_range || plan.uses_index) && by_filter;
        assert!(is_select || restrictions.tests.is_empty(), "a write names all its rows by their keys");
        Ok(restrictions)
    }
}

/// What is known of indexes while the restrictions are sorted.
struct IndexPlan {
    allow_filtering: bool,
    /// Whether an index serves one of them (`hasQueriableIndex`).
    is_served: bool,
    /// Whether partitions are looked for that aren't named.
    is_key_range: bool,
    /// Whether an index is used (`usesSecondaryIndexing`).
    uses_index: bool,
    /// Those that rows are filtered by.
    filtered: Vec<Restriction>,
}

/// Refuses what the nearest vectors can't be looked for by.
fn check_near(
    table: &TableDef,
    near: &ColumnSpec,
    filters_keys: bool,
    clustering: &[Restriction],
    others: &[Restriction],
    restrictions: &Restrictions,
) -> CqlResult<()> {
    let is_floats = matches!(&near.ty, Type::Vector { element, .. } if **element == Type::Float);
    if !is_floats {
        return refuse("ANN ordering is only supported on float vector indexes");
    }
    if !indexes::is_indexed(table, &near.name) {
        return refuse("ANN ordering by vector requires the column to be indexed");
    }
    let unindexed = |one: &Restriction| {
        one.columns.first().is_some_and(|(_, spec)| !indexes::is_indexed(table, &spec.name))
    };
    let is_wrong = others.iter().any(unindexed)
        || clustering.iter().any(unindexed) && (!restrictions.is_keyed || restrictions.filters_clustering());
    if filters_keys || is_wrong {
        return refuse("ANN ordering by vector requires all restricted column(s) to be indexed");
    }
    Ok(())
}

impl Restrictions {
    fn take_partition(
        &mut self,
        given: Vec<Restriction>,
        purpose: Purpose,
        plan: &mut IndexPlan,
    ) -> CqlResult<()> {
        let columns = self.table.schema().partition_key();
        let of =
            |index: usize| given.iter().find(|one| one.columns.iter().any(|(place, _)| place.index == index));
        let missing: Vec<_> = columns.iter().filter(|column| of(column.index).is_none()).collect();
        let is_exact =
            given.iter().all(|one| matches!(one.kind, RestrictionKind::Equal(_) | RestrictionKind::In(_)));
        if let Purpose::Write { statement, .. } = purpose {
            if self.token.is_some() {
                return refuse(format!(
                    "The token function cannot be used in WHERE clauses for {statement} statements"
                ));
            }
            if !missing.is_empty() {
                let names: Vec<&str> = missing.iter().map(|column| &*column.name).collect();
                return refuse(format!("Some partition key parts are missing: {}", names.join(", ")));
            }
            if !is_exact {
                return refuse(format!(
                    "Only EQ and IN relation are supported on the partition key (unless you use the token() function) \
                     for {statement} statements"
                ));
            }
        }
        let is_keyed = missing.is_empty() && is_exact;
        plan.is_key_range |= self.token.is_some() && !is_keyed;
        if given.is_empty() && self.token.is_none() {
            plan.is_key_range = true;
            plan.uses_index = plan.is_served;
        }
        if is_keyed {
            self.partition = (0..columns.len()).map(|index| of(index).cloned()).collect();
            self.is_keyed = true;
        } else if !given.is_empty() {
            if !plan.allow_filtering && !plan.is_served {
                return refuse(NEEDS_FILTERING);
            }
            plan.is_key_range = true;
            plan.uses_index = plan.is_served;
            self.tests.extend(given);
        }
        Ok(())
    }

    /// Whether rows are tested by their clustering (`ClusteringColumnRestrictions.needFiltering`).
    fn filters_clustering(&self) -> bool {
        self.tests.iter().any(|one| one.is_of(ColumnKind::Clustering))
    }

    fn take_others(
        &mut self,
        others: Vec<Restriction>,
        is_near: bool,
        purpose: Purpose,
        plan: &mut IndexPlan,
    ) -> CqlResult<()> {
        if others.is_empty() && !is_near {
            return Ok(());
        }
        if let Purpose::Write { .. } = purpose {
            let names: Vec<_> = others.iter().map(|one| super::names(&one.columns)).collect();
            return refuse(format!("Non PRIMARY KEY columns found in where clause: {} ", names.join(", ")));
        }
        let is_indexed_vector = |one: &Restriction| {
            let column = one.columns.first();
            column.is_some_and(|(_, spec)| {
                matches!(spec.ty, Type::Vector { .. }) && indexes::is_indexed(&self.table, &spec.name)
            })
        };
        if !is_near && others.iter().any(is_indexed_vector) {
            return refuse("Vector indexes only support ANN queries");
        }
        if plan.is_served {
            plan.uses_index = true;
        } else if !plan.allow_filtering {
            return refuse(NEEDS_FILTERING);
        }
        plan.filtered.extend(others.iter().cloned());
        self.tests.extend(others);
        Ok(())
    }

    fn take_clustering(
        &mut self,
        given: Vec<Restriction>,
        purpose: Purpose,
        plan: &mut IndexPlan,
    ) -> CqlResult<()> {
        let mut rest = given;
        let mut next = 0;
        let is_next = |one: &Restriction, next: usize| {
            one.columns.first().is_some_and(|(place, _)| place.index == next)
                && matches!(
                    one.kind,
                    RestrictionKind::Equal(_) | RestrictionKind::In(_) | RestrictionKind::Slice { .. }
                )
        };
        while let Some(at) = rest.iter().position(|one| is_next(one, next)) {
            let restriction = rest.remove(at);
            let is_range = !matches!(restriction.kind, RestrictionKind::Equal(_) | RestrictionKind::In(_));
            next += restriction.columns.len();
            self.clustering.push(restriction);
            if is_range {
                break;
            }
        }
        self.check_named_rows(purpose, next, !rest.is_empty())?;
        if !rest.is_empty() {
            if plan.is_served {
                plan.uses_index = true;
            } else if !plan.allow_filtering {
                return self.refuse_clustering(&rest, next);
            }
            self.tests.extend(rest);
        }
        Ok(())
    }

    /// Refuses what doesn't name rows as the statement needs it.
    fn check_named_rows(&self, purpose: Purpose, next: usize, has_rest: bool) -> CqlResult<()> {
        let columns = self.table.schema().shown_clustering();
        match purpose {
            Purpose::Write { only_statics, ranges, statement, deletes } => {
                if only_statics && (next > 0 || has_rest) && statement != "INSERT" {
                    return refuse(format!(
                        "Invalid restrictions on clustering columns since the {statement} statement modifies only \
                         static columns"
                    ));
                }
                let is_exact =
                    self.clustering.iter().all(|one| !matches!(one.kind, RestrictionKind::Slice { .. }));
                if !only_statics && !ranges && !is_exact && statement == "UPDATE" {
                    return refuse(
                        "Slice restrictions are not supported on the clustering columns in UPDATE statements",
                    );
                }
                if !only_statics && !ranges && statement == "DELETE" && (next < columns.len() || !is_exact) {
                    return refuse(self.unnamed_rows(deletes));
                }
                if !only_statics && !ranges && (next < columns.len() || !is_exact) {
                    let names: Vec<&str> = columns.iter().skip(next).map(|column| &*column.name).collect();
                    return refuse(format!("Some clustering keys are missing: {}", names.join(", ")));
                }
            }
            Purpose::Select { only_statics: true, .. } if next > 0 || has_rest => {
                return refuse("Cannot restrict clustering columns when selecting only static columns");
            }
            Purpose::Select { .. } => {}
        }
        Ok(())
    }

    /// What is said of a deletion that doesn't name rows one by one.
    fn unnamed_rows(&self, deletes: DeletedPart) -> &'static str {
        match deletes {
            DeletedPart::Columns => "Range deletions are not supported for specific columns",
            DeletedPart::StaticsOfRow => {
                "DELETE statements must restrict all PRIMARY KEY columns with equality relations in order to use IF \
                 condition on non static columns"
            }
            DeletedPart::Rows => {
                "DELETE statements must restrict all PRIMARY KEY columns with equality relations in order to delete non \
                 static columns"
            }
        }
    }

    fn refuse_clustering(&self, rest: &[Restriction], next: usize) -> CqlResult<()> {
        let name = rest.first().and_then(|one| one.columns.first()).map_or("", |(_, spec)| &*spec.name);
        let last = self.clustering.last();
        if let Some(before) = last.filter(|one| matches!(one.kind, RestrictionKind::Slice { .. })) {
            let before = before.columns.first().map_or("", |(_, spec)| &*spec.name);
            return refuse(format!(
                "Clustering column \"{name}\" cannot be restricted (preceding column \"{before}\" is restricted by a \
                 non-EQ relation)"
            ));
        }
        let before = self.table.schema().shown_clustering().get(next).map_or("", |column| &*column.name);
        refuse(format!(
            "PRIMARY KEY column \"{name}\" cannot be restricted as preceding column \"{before}\" is not restricted"
        ))
    }
}

/// Adds a second restriction of the same columns, of which the first decides what is wrong
/// (`SingleRestriction.mergeWith`).
fn merge(known: &mut Restriction, other: Restriction, subject: Subject<'_>) -> CqlResult<()> {
    let name = match subject {
        Subject::Token(name) => name.to_owned(),
        Subject::Columns => {
            let common =
                known.columns.iter().filter(|(place, _)| other.columns.iter().any(|(o, _)| o == place));
            common.map(|(_, spec)| &*spec.name).collect::<Vec<_>>().join(" ,")
        }
    };
    let repeated = |what: &str| {
        refuse(format!("{name} cannot be restricted by more than one relation if it includes {what}"))
    };
    let noun = if matches!(subject, Subject::Token(_)) { "Columns" } else { "Column" };
    match (&mut known.kind, other.kind) {
        (RestrictionKind::Equal(_), _) => repeated("an Equal"),
        (RestrictionKind::In(_), _) => repeated("a IN"),
        (
            RestrictionKind::Slice { low, high },
            RestrictionKind::Slice { low: other_low, high: other_high },
        ) => {
            let first =
                |columns: &[(ColumnPlace, ColumnSpec)]| columns.first().map_or(0, |(place, _)| place.index);
            if first(&known.columns) != first(&other.columns) {
                let starts = [known.columns.first(), other.columns.first()].into_iter().flatten();
                let later = starts.max_by_key(|(place, _)| place.index);
                return refuse(format!(
                    "Column \"{}\" cannot be restricted by two inequalities not starting with the same column",
                    later.map_or("", |(_, spec)| &*spec.name)
                ));
            }
            let twice = |end: &str| {
                refuse(format!("More than one restriction was found for the {end} bound on {name}"))
            };
            if low.is_some() && other_low.is_some() {
                return twice("start");
            }
            if high.is_some() && other_high.is_some() {
                return twice("end");
            }
            *low = low.take().or(other_low);
            *high = high.take().or(other_high);
            // The longer tuple has the columns of both.
            if known.columns.len() < other.columns.len() {
                known.columns = other.columns;
            }
            Ok(())
        }
        (RestrictionKind::Slice { .. }, _) => refuse(format!(
            "{noun} \"{name}\" cannot be restricted by both an equality and an inequality relation"
        )),
        _ => refuse(format!(
            "Collection column {name} can only be restricted by CONTAINS, CONTAINS KEY, or map-entry equality"
        )),
    }
}

/// What two restrictions are about.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Columns,
    /// The token, as the names of the key's columns.
    Token(&'a str),
}

/// Refuses operators, whatever they are used with.
fn check_operator(relation: &Relation, purpose: Purpose) -> CqlResult<()> {
    if let (Purpose::Write { statement, .. }, Relation::Contains { .. } | Relation::ContainsKey { .. }) =
        (purpose, relation)
    {
        let operator =
            if matches!(relation, Relation::Contains { .. }) { "CONTAINS" } else { "CONTAINS_KEY" };
        return refuse(format!("Cannot use {statement} with {operator}"));
    }
    if let Relation::Comparison { target, operator: Comparison::NotEqual, value } = relation {
        return refuse(format!("Unsupported \"!=\" relation: {target} != {}", term::text(value)));
    }
    Ok(())
}

/// One relation, and whether it is about the token.
fn restriction(
    scope: &mut Scope<'_>,
    table: &Arc<TableDef>,
    relation: &Relation,
    purpose: Purpose,
) -> CqlResult<(Restriction, bool)> {
    check_operator(relation, purpose)?;
    let of = |name: &Identifier| placed(table, name).map(|column| vec![column]);
    let whole = |columns, kind| Ok((Restriction::new(columns, kind), false));
    match relation {
        Relation::Comparison { target: RelationTarget::Token(names), operator, value } => {
            token(scope, table, names, *operator, value).map(|restriction| (restriction, true))
        }
        Relation::Comparison { target: RelationTarget::Element { column, key }, operator, value } => {
            let columns = of(column)?;
            let kind = entry(scope, &columns, key, *operator, value)?;
            whole(columns, kind)
        }
        Relation::Comparison { target, operator, value } => {
            let columns = columns_of(table, target, relation)?;
            check_durations(&columns, *operator)?;
            check_whole(&columns, operator.sign())?;
            let operand = operand(scope, &columns, value)?;
            let kind = compared(*operator, operand)?;
            let is_tuple = matches!(target, RelationTarget::Tuple(_));
            Ok((Restriction { is_tuple, ..Restriction::new(columns, kind) }, false))
        }
        Relation::In { target, values } => {
            let columns = columns_of(table, target, relation)?;
            check_whole(&columns, "IN")?;
            let kind = match in_operand(scope, &columns, values)? {
                InOperand::Each(mut each) if each.len() == 1 => match each.pop() {
                    Some(only) => RestrictionKind::Equal(only),
                    None => RestrictionKind::In(InOperand::Each(each)),
                },
                operand => RestrictionKind::In(operand),
            };
            whole(columns, kind)
        }
        Relation::Contains { column, value } => {
            let columns = of(column)?;
            let Some(ty) = columns.first().and_then(|(_, spec)| element_type(&spec.ty)) else {
                return refuse(format!("Cannot use CONTAINS on non-collection column {column}"));
            };
            let spec = columns.first().map(|(_, spec)| spec.value(&ty));
            let Some(spec) = spec else { return refuse(relation.to_string()) };
            let value = term::prepare(scope, value, &spec)?;
            whole(columns, RestrictionKind::Contains(value))
        }
        Relation::ContainsKey { column, key } => {
            let columns = of(column)?;
            let Some((_, spec)) = columns.first() else { return refuse(relation.to_string()) };
            let Type::Map { entry, .. } = &spec.ty else {
                return refuse(format!("Cannot use CONTAINS KEY on non-map column {column}"));
            };
            let key = term::prepare(scope, key, &spec.key(&entry.0))?;
            whole(columns, RestrictionKind::ContainsKey(key))
        }
        Relation::Like { column, pattern } => {
            let (_, spec) = placed(table, column)?;
            term::prepare(scope, pattern, &spec)?;
            refuse(format!(
                "LIKE restriction is only supported on properly indexed columns. {relation} is not valid."
            ))
        }
        Relation::IsNotNull(_) => refuse(format!("Unsupported restriction: {relation}")),
        Relation::Expression { .. } if matches!(purpose, Purpose::Write { .. }) => {
            refuse("Custom index expressions cannot be used in WHERE clauses for UPDATE or DELETE statements")
        }
        Relation::Expression { index, .. } => indexes::check_expression(table, index),
    }
}

/// A comparison with an operand.
fn compared(operator: Comparison, operand: OperandExpr) -> CqlResult<RestrictionKind> {
    Ok(match operator {
        Comparison::Equal => RestrictionKind::Equal(operand),
        Comparison::NotEqual => return refuse("Unsupported \"!=\" relation"),
        Comparison::Less => RestrictionKind::Slice { low: None, high: Some((operand, false)) },
        Comparison::LessOrEqual => RestrictionKind::Slice { low: None, high: Some((operand, true)) },
        Comparison::Greater => RestrictionKind::Slice { low: Some((operand, false)), high: None },
        Comparison::GreaterOrEqual => RestrictionKind::Slice { low: Some((operand, true)), high: None },
    })
}

/// `column[key] = value`
fn entry(
    scope: &mut Scope<'_>,
    columns: &[(ColumnPlace, ColumnSpec)],
    key: &Term,
    operator: Comparison,
    value: &Term,
) -> CqlResult<RestrictionKind> {
    let Some((_, spec)) = columns.first() else { return refuse("no column is restricted") };
    let name = &spec.name;
    let entry = match &spec.ty {
        Type::List { .. } => {
            return refuse(format!(
                "Indexes on list entries ({name}[index] = value) are not currently supported."
            ));
        }
        Type::Map { frozen: true, .. } => {
            return refuse(format!(
                "Map-entry equality predicates on frozen map column {name} are not supported"
            ));
        }
        Type::Map { entry, .. } => entry,
        _ => return refuse(format!("Column {name} cannot be used as a map")),
    };
    if operator != Comparison::Equal {
        return refuse("Only EQ relations are supported on map entries");
    }
    let key = term::prepare(scope, key, &spec.key(&entry.0))?;
    let value = term::prepare(scope, value, &spec.value(&entry.1))?;
    Ok(RestrictionKind::Entry { key, value })
}

fn element_type(ty: &Type) -> Option<Type> {
    match ty {
        Type::List { element, .. } | Type::Set { element, .. } => Some((**element).clone()),
        Type::Map { entry, .. } => Some(entry.1.clone()),
        _ => None,
    }
}

/// A column's place and specification.
pub(crate) fn placed(table: &TableDef, name: &Identifier) -> CqlResult<(ColumnPlace, ColumnSpec)> {
    let def = column(table, name)?;
    let Some((kind, index)) = table.schema().column(&def.name) else {
        return refuse(format!(
            "Undefined column name {name} in table {}.{}",
            table.keyspace(),
            table.name()
        ));
    };
    Ok((ColumnPlace { kind, index }, spec_of(table, &def)))
}

fn columns_of(
    table: &TableDef,
    target: &RelationTarget,
    relation: &Relation,
) -> CqlResult<Vec<(ColumnPlace, ColumnSpec)>> {
    match target {
        RelationTarget::Column(name) => Ok(vec![placed(table, name)?]),
        RelationTarget::Tuple(names) => {
            let mut columns: Vec<(ColumnPlace, ColumnSpec)> = Vec::new();
            for name in names {
                let (place, spec) = placed(table, name)?;
                if place.kind != ColumnKind::Clustering {
                    return refuse(format!(
                        "Multi-column relations can only be applied to clustering columns but was applied to: {name}"
                    ));
                }
                if columns.iter().any(|(known, _)| *known == place) {
                    return refuse(format!("Column \"{name}\" appeared twice in a relation: {relation}"));
                }
                if columns.last().is_some_and(|(before, _)| before.index + 1 != place.index) {
                    return refuse(format!(
                        "Clustering columns must appear in the PRIMARY KEY order in multi-column relations: {relation}"
                    ));
                }
                columns.push((place, spec));
            }
            Ok(columns)
        }
        RelationTarget::Element { column, .. } | RelationTarget::Field { column, .. } => {
            refuse(format!("Unsupported restriction on a part of column {column}"))
        }
        RelationTarget::Token(_) => refuse("IN restrictions are not supported on token()"),
    }
}

/// Durations have no order.
fn check_durations(columns: &[(ColumnPlace, ColumnSpec)], operator: Comparison) -> CqlResult<()> {
    let [(_, spec)] = columns else { return Ok(()) };
    if operator == Comparison::Equal || !has_duration(&spec.ty) {
        return Ok(());
    }
    refuse(match spec.ty {
        Type::List { .. } | Type::Set { .. } | Type::Map { .. } => {
            "Slice restrictions are not supported on collections containing durations"
        }
        Type::Tuple(_) => "Slice restrictions are not supported on tuples containing durations",
        Type::Udt { .. } => "Slice restrictions are not supported on UDTs containing durations",
        _ => "Slice restrictions are not supported on duration columns",
    })
}

/// Refuses to compare a value of several cells.
fn check_whole(columns: &[(ColumnPlace, ColumnSpec)], operator: &str) -> CqlResult<()> {
    let Some((_, spec)) = columns.iter().find(|(_, spec)| spec.ty.is_multi_cell()) else { return Ok(()) };
    let (name, ty) = (&spec.name, spec.ty.cql_name());
    if matches!(spec.ty, Type::Udt { .. }) {
        return refuse(format!("Non-frozen UDT column '{name}' ({ty}) cannot be restricted by any relation"));
    }
    refuse(format!("Collection column '{name}' ({ty}) cannot be restricted by a '{operator}' relation"))
}

/// The operand of a comparison.
fn operand(
    scope: &mut Scope<'_>,
    columns: &[(ColumnPlace, ColumnSpec)],
    value: &Term,
) -> CqlResult<OperandExpr> {
    match (columns, value) {
        ([(_, spec)], value) => Ok(OperandExpr::Each(vec![term::prepare(scope, value, spec)?])),
        (several, Term::Tuple(terms)) => {
            if terms.len() != several.len() {
                return refuse(format!(
                    "Expected {} elements in value tuple, but got {}: {value}",
                    several.len(),
                    terms.len()
                ));
            }
            let each = terms.iter().zip(several).map(|(term, (_, spec))| term::prepare(scope, term, spec));
            Ok(OperandExpr::Each(each.collect::<CqlResult<_>>()?))
        }
        (several, value) => {
            let Some((_, first)) = several.first() else { return refuse("no column is restricted") };
            let receiver = first.other(super::names(several), &tuple_type(several));
            Ok(OperandExpr::Tuple(term::prepare(scope, value, &receiver)?, several.len()))
        }
    }
}

fn in_operand(
    scope: &mut Scope<'_>,
    columns: &[(ColumnPlace, ColumnSpec)],
    values: &InValues,
) -> CqlResult<InOperand> {
    match (columns, values) {
        ([(_, spec)], _) => Ok(match term::prepare_in(scope, values, spec)? {
            InExpr::Each(each) => {
                InOperand::Each(each.into_iter().map(|expr| OperandExpr::Each(vec![expr])).collect())
            }
            InExpr::All(all) => InOperand::All(all),
        }),
        (several, InValues::List(terms)) => {
            let each = terms.iter().map(|term| operand(scope, several, term));
            Ok(InOperand::Each(each.collect::<CqlResult<_>>()?))
        }
        (several, InValues::Marker(marker)) => {
            let Some((_, first)) = several.first() else { return refuse("no column is restricted") };
            let receiver = first.other(format!("in{}", super::names(several)), &in_type(several));
            term::prepare(scope, &Term::Marker(marker.clone()), &receiver).map(InOperand::All)
        }
    }
}

/// What is wrong with the arguments of `token`.
fn wrong_token(columns: &[(ColumnPlace, ColumnSpec)], key: &[helenus_rows::ColumnDef]) -> String {
    let has = |index: usize| {
        columns.iter().any(|(place, _)| place.kind == ColumnKind::PartitionKey && place.index == index)
    };
    if !(0..key.len()).all(has) {
        return "The token() function must be applied to all partition key components or none of them"
            .to_owned();
    }
    let is_repeated = |(at, (place, _)): (usize, &(ColumnPlace, ColumnSpec))| {
        columns.iter().take(at).any(|(before, _)| before == place)
    };
    if columns.iter().enumerate().any(is_repeated) {
        return "The token() function contains duplicate partition key components".to_owned();
    }
    if columns.len() != key.len() {
        return "The token() function must contains only partition key components".to_owned();
    }
    let key: Vec<&str> = key.iter().map(|column| &*column.name).collect();
    format!("The token function arguments must be in the partition key order: {}", key.join(", "))
}

/// `token(…) operator value`
fn token(
    scope: &mut Scope<'_>,
    table: &Arc<TableDef>,
    names: &[Identifier],
    operator: Comparison,
    value: &Term,
) -> CqlResult<Restriction> {
    if is_virtual(table.keyspace()) {
        return refuse(NO_TOKEN);
    }
    let columns = names.iter().map(|name| placed(table, name)).collect::<CqlResult<Vec<_>>>()?;
    let key = table.schema().partition_key();
    let is_key = columns.len() == key.len()
        && columns
            .iter()
            .enumerate()
            .all(|(at, (place, _))| place.kind == ColumnKind::PartitionKey && place.index == at);
    if !is_key {
        return refuse(wrong_token(&columns, key));
    }
    let receiver = spec(table, "partition key token", &Type::BigInt);
    let operand = OperandExpr::Each(vec![term::prepare(scope, value, &receiver)?]);
    let kind = compared(operator, operand)?;
    let place = columns.first().map(|(place, _)| *place);
    Ok(Restriction::new(place.map(|place| (place, receiver)).into_iter().collect(), kind))
}
