//! Random statements: those that the parser can make.

use std::collections::HashSet;

use helenus_cql_syntax::{
    AlterKeyspace, AlterTable, AlterTableAction, AlterType, AlterTypeAction, AlterView, Assignment,
    AssignmentOperation, Batch, BatchKind, ColumnDefinition, ColumnMask, Comparison, Condition, CreateIndex,
    CreateKeyspace, CreateTable, CreateType, CreateView, Delete, DeleteTarget, Describe, DescribeTarget,
    DropKeyspace, DropObject, FieldDefinition, InValues, IndexTarget, IndexTargetKind, Insert, InsertValues,
    IntValue, JsonValue, Modification, Order, Ordering, PrimaryKey, Property, PropertyValue, Relation,
    RelationTarget, Rename, Select, Selection, Selector, Statement, TableOptions, Term, Update, Using,
};
use helenus_types::is_reserved;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::terms::{cql_type, identifier, literal, marker, qualified_name, selected, text, value};

pub(crate) fn statement() -> BoxedStrategy<Statement> {
    prop_oneof![keyspaces(), types(), tables(), indexes_and_views(), manipulation(), described(), other()]
        .boxed()
}

fn described() -> BoxedStrategy<Statement> {
    let lists = [
        DescribeTarget::Cluster,
        DescribeTarget::Schema { full: false },
        DescribeTarget::Schema { full: true },
        DescribeTarget::Keyspaces,
        DescribeTarget::Tables,
        DescribeTarget::Types,
        DescribeTarget::Functions,
        DescribeTarget::Aggregates,
    ];
    let named = [
        DescribeTarget::Table,
        DescribeTarget::Type,
        DescribeTarget::Function,
        DescribeTarget::Aggregate,
        DescribeTarget::Index,
        DescribeTarget::View,
        DescribeTarget::Named,
    ];
    let target = prop_oneof![
        select(lists.to_vec()),
        (any::<bool>(), option::of(identifier()))
            .prop_map(|(only, name)| DescribeTarget::Keyspace { only, name }),
        (select(named.to_vec()), qualified_name()).prop_map(|(target, name)| target(name)),
    ];
    (target, any::<bool>())
        .prop_map(|(target, internals)| Statement::Describe(Describe { target, internals }))
        .boxed()
}

fn keyspaces() -> BoxedStrategy<Statement> {
    prop_oneof![
        (any::<bool>(), identifier(), properties(1)).prop_map(|(if_not_exists, name, properties)| {
            Statement::CreateKeyspace(CreateKeyspace { if_not_exists, name, properties })
        }),
        (any::<bool>(), identifier(), properties(1)).prop_map(|(if_exists, name, properties)| {
            Statement::AlterKeyspace(AlterKeyspace { if_exists, name, properties })
        }),
        (any::<bool>(), identifier())
            .prop_map(|(if_exists, name)| Statement::DropKeyspace(DropKeyspace { if_exists, name })),
        identifier().prop_map(Statement::Use),
    ]
    .boxed()
}

fn types() -> BoxedStrategy<Statement> {
    let action = prop_oneof![
        (any::<bool>(), field())
            .prop_map(|(if_not_exists, field)| AlterTypeAction::Add { if_not_exists, field }),
        (any::<bool>(), renames())
            .prop_map(|(if_exists, renames)| AlterTypeAction::Rename { if_exists, renames }),
        field().prop_map(AlterTypeAction::Alter),
    ];
    prop_oneof![
        (any::<bool>(), qualified_name(), vec(field(), 1..4)).prop_map(|(if_not_exists, name, fields)| {
            Statement::CreateType(CreateType { if_not_exists, name, fields })
        }),
        (any::<bool>(), qualified_name(), action).prop_map(|(if_exists, name, action)| Statement::AlterType(
            AlterType { if_exists, name, action }
        )),
        dropped().prop_map(Statement::DropType),
    ]
    .boxed()
}

fn tables() -> BoxedStrategy<Statement> {
    let create = (
        any::<bool>(),
        qualified_name(),
        vec(column(), 0..4),
        vec(primary_key(), 0..3),
        any::<bool>(),
        options(),
    );
    prop_oneof![
        create.prop_map(|(if_not_exists, name, columns, mut primary_keys, own_key, options)| {
            if let (true, Some(column), Some(key)) = (own_key, columns.first(), primary_keys.first_mut()) {
                *key = PrimaryKey { partition_key: vec![column.name.clone()], clustering: Vec::new() };
            }
            // There is something in the parentheses.
            if columns.is_empty() && primary_keys.is_empty() {
                primary_keys
                    .push(PrimaryKey { partition_key: vec![name.name.clone()], clustering: Vec::new() });
            }
            let table = CreateTable { if_not_exists, name, columns, primary_keys, options };
            Statement::CreateTable(Box::new(table))
        }),
        (any::<bool>(), qualified_name(), alter_action()).prop_map(|(if_exists, name, action)| {
            Statement::AlterTable(Box::new(AlterTable { if_exists, name, action }))
        }),
        dropped().prop_map(Statement::DropTable),
        qualified_name().prop_map(Statement::Truncate),
    ]
    .boxed()
}

fn alter_action() -> BoxedStrategy<AlterTableAction> {
    prop_oneof![
        (any::<bool>(), vec(column(), 1..3))
            .prop_map(|(if_not_exists, columns)| AlterTableAction::Add { if_not_exists, columns }),
        (any::<bool>(), vec(identifier(), 1..3), option::of(any::<i64>())).prop_map(
            |(if_exists, columns, timestamp_us)| AlterTableAction::Drop { if_exists, columns, timestamp_us }
        ),
        (any::<bool>(), renames())
            .prop_map(|(if_exists, renames)| AlterTableAction::Rename { if_exists, renames }),
        (identifier(), cql_type())
            .prop_map(|(column, cql_type)| AlterTableAction::AlterType { column, cql_type }),
        (any::<bool>(), identifier(), option::of(mask()))
            .prop_map(|(if_exists, column, mask)| AlterTableAction::Mask { if_exists, column, mask }),
        Just(AlterTableAction::DropCompactStorage),
        properties(1).prop_map(AlterTableAction::With),
    ]
    .boxed()
}

fn indexes_and_views() -> BoxedStrategy<Statement> {
    let kinds = [
        IndexTargetKind::Simple,
        IndexTargetKind::Keys,
        IndexTargetKind::Values,
        IndexTargetKind::Entries,
        IndexTargetKind::Full,
    ];
    let target =
        (select(kinds.to_vec()), identifier()).prop_map(|(kind, column)| IndexTarget { kind, column });
    let index = (
        (any::<bool>(), any::<bool>(), option::of(identifier()), qualified_name()),
        (vec(target, 0..3), option::of(text()), properties(0)),
    );
    let view = (
        (any::<bool>(), qualified_name(), selection(), qualified_name()),
        (vec(relation(), 0..3), primary_key(), options()),
    );
    prop_oneof![
        index.prop_map(|((custom, if_not_exists, name, table), (targets, class, properties))| {
            let index = CreateIndex { custom, if_not_exists, name, table, targets, class, properties };
            Statement::CreateIndex(Box::new(index))
        }),
        dropped().prop_map(Statement::DropIndex),
        view.prop_map(|((if_not_exists, name, selection, base), (where_clause, primary_key, options))| {
            let view =
                CreateView { if_not_exists, name, selection, base, where_clause, primary_key, options };
            Statement::CreateView(Box::new(view))
        }),
        (any::<bool>(), qualified_name(), properties(1)).prop_map(|(if_exists, name, properties)| {
            Statement::AlterView(AlterView { if_exists, name, properties })
        }),
        dropped().prop_map(Statement::DropView),
    ]
    .boxed()
}

fn manipulation() -> BoxedStrategy<Statement> {
    let kinds = [BatchKind::Logged, BatchKind::Unlogged, BatchKind::Counter];
    let modification = prop_oneof![
        insert().prop_map(|statement| Modification::Insert(Box::new(statement))),
        update().prop_map(|statement| Modification::Update(Box::new(statement))),
        delete().prop_map(|statement| Modification::Delete(Box::new(statement))),
    ];
    prop_oneof![
        3 => selects().prop_map(|statement| Statement::Select(Box::new(statement))),
        1 => insert().prop_map(|statement| Statement::Insert(Box::new(statement))),
        1 => update().prop_map(|statement| Statement::Update(Box::new(statement))),
        1 => delete().prop_map(|statement| Statement::Delete(Box::new(statement))),
        1 => (select(kinds.to_vec()), using(), vec(modification, 0..3))
            .prop_map(|(kind, using, statements)| Statement::Batch(Batch { kind, using, statements })),
    ]
    .boxed()
}

fn other() -> BoxedStrategy<Statement> {
    (identifier(), literal())
        .prop_map(|(name, literal)| Statement::Other(format!("GRANT {name} TO {literal}")))
        .boxed()
}

fn dropped() -> BoxedStrategy<DropObject> {
    (any::<bool>(), qualified_name()).prop_map(|(if_exists, name)| DropObject { if_exists, name }).boxed()
}

fn field() -> BoxedStrategy<FieldDefinition> {
    (identifier(), cql_type()).prop_map(|(name, cql_type)| FieldDefinition { name, cql_type }).boxed()
}

fn renames() -> BoxedStrategy<Vec<Rename>> {
    vec((identifier(), identifier()).prop_map(|(from, to)| Rename { from, to }), 1..3).boxed()
}

fn column() -> BoxedStrategy<ColumnDefinition> {
    (identifier(), cql_type(), any::<bool>(), option::weighted(0.2, mask()))
        .prop_map(|(name, cql_type, is_static, mask)| ColumnDefinition { name, cql_type, is_static, mask })
        .boxed()
}

fn mask() -> BoxedStrategy<ColumnMask> {
    prop_oneof![
        Just(ColumnMask::Default),
        (qualified_name(), vec(value(), 0..3))
            .prop_map(|(name, arguments)| ColumnMask::Function { name, arguments }),
    ]
    .boxed()
}

fn primary_key() -> BoxedStrategy<PrimaryKey> {
    (vec(identifier(), 1..3), vec(identifier(), 0..3))
        .prop_map(|(partition_key, clustering)| PrimaryKey { partition_key, clustering })
        .boxed()
}

fn options() -> BoxedStrategy<TableOptions> {
    let orders = vec((identifier(), order()), 0..3);
    (any::<bool>(), orders, properties(0))
        .prop_map(|(compact_storage, clustering_order, properties)| TableOptions {
            compact_storage,
            clustering_order,
            properties,
        })
        .boxed()
}

fn order() -> BoxedStrategy<Order> {
    select(&[Order::Ascending, Order::Descending][..]).boxed()
}

fn properties(at_least: usize) -> BoxedStrategy<Vec<Property>> {
    let word = "[a-z][a-z0-9_]{0,6}".prop_filter("reserved", |word| !is_reserved(word));
    let name = prop_oneof![4 => identifier(), 1 => Just(helenus_cql_syntax::Identifier::exact("id"))];
    let value = prop_oneof![
        literal().prop_map(PropertyValue::Literal),
        word.prop_map(|word| PropertyValue::Word(helenus_cql_syntax::Identifier::exact(word))),
        vec((literal(), literal()), 0..4).prop_map(|mut entries| {
            let mut keys = HashSet::new();
            entries.retain(|(key, _)| keys.insert(key.raw_text().into_owned()));
            PropertyValue::Map(entries)
        }),
    ];
    vec((name, value), at_least..4)
        .prop_map(|properties| {
            let mut names = HashSet::new();
            let properties = properties.into_iter().map(|(name, value)| Property { name, value });
            properties.filter(|property| names.insert(property.name.clone())).collect()
        })
        .boxed()
}

fn selects() -> BoxedStrategy<Select> {
    let ordering = (identifier(), option::weighted(0.2, value()), order())
        .prop_map(|(column, ann_of, order)| Ordering { column, ann_of, order });
    (
        (any::<bool>(), any::<bool>(), selection(), qualified_name(), vec(relation(), 0..3)),
        (
            vec(selected(), 0..2),
            vec(ordering, 0..2),
            option::of(int_value()),
            option::of(int_value()),
            any::<bool>(),
        ),
    )
        .prop_map(|((json, distinct, selection, table, where_clause), rest)| {
            let (group_by, order_by, per_partition_limit, limit, allow_filtering) = rest;
            Select {
                json,
                distinct,
                selection,
                table,
                where_clause,
                group_by,
                order_by,
                per_partition_limit,
                limit,
                allow_filtering,
            }
        })
        .boxed()
}

fn selection() -> BoxedStrategy<Selection> {
    let selector = (selected(), option::of(identifier())).prop_map(|(term, alias)| Selector { term, alias });
    prop_oneof![1 => Just(Selection::All), 4 => vec(selector, 1..3).prop_map(Selection::Selectors)].boxed()
}

fn int_value() -> BoxedStrategy<IntValue> {
    prop_oneof![
        any::<i64>().prop_map(|value| IntValue::Literal(value.to_string())),
        marker().prop_map(IntValue::Marker)
    ]
    .boxed()
}

fn comparison() -> BoxedStrategy<Comparison> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    select(&[Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual][..]).boxed()
}

fn in_values() -> BoxedStrategy<InValues> {
    prop_oneof![vec(value(), 0..3).prop_map(InValues::List), marker().prop_map(InValues::Marker)].boxed()
}

fn element() -> BoxedStrategy<RelationTarget> {
    (identifier(), value()).prop_map(|(column, key)| RelationTarget::Element { column, key }).boxed()
}

fn shared_relation() -> BoxedStrategy<Relation> {
    prop_oneof![
        (identifier(), value()).prop_map(|(column, value)| Relation::Contains { column, value }),
        (identifier(), value()).prop_map(|(column, key)| Relation::ContainsKey { column, key }),
    ]
    .boxed()
}

/// A relation of a `WHERE` clause.
fn relation() -> BoxedStrategy<Relation> {
    let column = || identifier().prop_map(RelationTarget::Column);
    let tuple = || vec(identifier(), 1..3).prop_map(RelationTarget::Tuple);
    let token = vec(identifier(), 1..3).prop_map(RelationTarget::Token);
    prop_oneof![
        (prop_oneof![column(), token, element()], comparison(), value())
            .prop_map(|(target, operator, value)| Relation::Comparison { target, operator, value }),
        (tuple(), comparison(), tuple_value()).prop_map(|(target, operator, value)| Relation::Comparison {
            target,
            operator,
            value
        }),
        (column(), in_values()).prop_map(|(target, values)| Relation::In { target, values }),
        (tuple(), prop_oneof![vec(tuple_value(), 0..2), vec(marker().prop_map(Term::Marker), 0..3)])
            .prop_map(|(target, values)| Relation::In { target, values: InValues::List(values) }),
        shared_relation(),
        (identifier(), value()).prop_map(|(column, pattern)| Relation::Like { column, pattern }),
        identifier().prop_map(Relation::IsNotNull),
        (identifier(), value()).prop_map(|(index, value)| Relation::Expression { index, value }),
    ]
    .boxed()
}

/// What a tuple of columns is compared with.
fn tuple_value() -> BoxedStrategy<Term> {
    vec(value(), 1..3).prop_map(Term::Tuple).boxed()
}

fn condition() -> BoxedStrategy<Condition> {
    let target = || {
        prop_oneof![
            identifier().prop_map(RelationTarget::Column),
            element(),
            (identifier(), identifier()).prop_map(|(column, field)| RelationTarget::Field { column, field }),
        ]
    };
    let relation = prop_oneof![
        (target(), comparison(), value()).prop_map(|(target, operator, value)| Relation::Comparison {
            target,
            operator,
            value
        }),
        (target(), in_values()).prop_map(|(target, values)| Relation::In { target, values }),
        shared_relation(),
    ];
    prop_oneof![Just(Condition::Exists), vec(relation, 1..3).prop_map(Condition::If)].boxed()
}

fn using() -> BoxedStrategy<Using> {
    (option::of(int_value()), option::of(int_value()))
        .prop_map(|(timestamp_us, ttl_s)| Using { timestamp_us, ttl_s })
        .boxed()
}

fn insert() -> BoxedStrategy<Insert> {
    let json = prop_oneof![text().prop_map(JsonValue::Text), marker().prop_map(JsonValue::Marker)];
    let values = prop_oneof![
        (vec(identifier(), 1..3), vec(value(), 1..3))
            .prop_map(|(columns, values)| InsertValues::Columns { columns, values }),
        (json, any::<bool>()).prop_map(|(value, default_unset)| InsertValues::Json { value, default_unset }),
    ];
    (qualified_name(), values, any::<bool>(), using())
        .prop_map(|(table, values, if_not_exists, using)| Insert { table, values, if_not_exists, using })
        .boxed()
}

fn update() -> BoxedStrategy<Update> {
    let operation = prop_oneof![
        value().prop_map(AssignmentOperation::Set),
        value().prop_map(AssignmentOperation::Add),
        value().prop_map(AssignmentOperation::Subtract),
        value().prop_map(AssignmentOperation::Prepend),
        (value(), value()).prop_map(|(key, value)| AssignmentOperation::SetElement { key, value }),
        (identifier(), value()).prop_map(|(field, value)| AssignmentOperation::SetField { field, value }),
    ];
    let assignment =
        (identifier(), operation).prop_map(|(column, operation)| Assignment { column, operation });
    (qualified_name(), using(), vec(assignment, 1..3), vec(relation(), 1..3), option::of(condition()))
        .prop_map(|(table, using, mut assignments, where_clause, condition)| {
            // A column that is set is set once.
            assignments.dedup_by(|a, b| a.column == b.column);
            Update { table, using, assignments, where_clause, condition }
        })
        .boxed()
}

fn delete() -> BoxedStrategy<Delete> {
    let target = prop_oneof![
        identifier().prop_map(DeleteTarget::Column),
        (identifier(), value()).prop_map(|(column, key)| DeleteTarget::Element { column, key }),
        (identifier(), identifier()).prop_map(|(column, field)| DeleteTarget::Field { column, field }),
    ];
    (
        vec(target, 0..3),
        qualified_name(),
        option::of(int_value()),
        vec(relation(), 1..3),
        option::of(condition()),
    )
        .prop_map(|(targets, table, timestamp_us, where_clause, condition)| Delete {
            targets,
            table,
            timestamp_us,
            where_clause,
            condition,
        })
        .boxed()
}
