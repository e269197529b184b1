//! One INSERT, UPDATE or DELETE, compiled and executed.

use std::ops::Bound;
use std::sync::Arc;

use helenus_cql_syntax::{
    Comparison, Condition, Delete, Insert, InsertValues, IntValue, JsonValue, Modification, QualifiedName,
    Relation, RelationTarget, Update,
};
use helenus_engine::{
    Action, Batch, BatchOutcome, BindValue, Conditions, Database, Prepared, StatementKind, StatementPlan,
    WriteOptions,
};
use helenus_rows::ColumnKind;
use helenus_schema::TableDef;
use helenus_types::Type;

use super::conditions::{self, Shown};
use super::direct::DirectWrite;
use super::operands::{OperandValue, Operands, Role, StatementOperand};
use super::operations;
use crate::error::{CqlError, CqlResult, refuse};
use crate::execution::StatementRun;
use crate::json;
use crate::options::QueryOptions;
use crate::response::{Answer, Response};
use crate::restrictions::{
    self, ColumnPlace, DeletedPart, KeyParts, PartitionChoice, Purpose, RawKey, Restrictions,
};
use crate::scope::{Scope, all_columns, column, is_key, spec, spec_of};
use crate::spec::ColumnSpec;
use crate::system::refusals::refuse_write;
use crate::term::{self, Expr};
use crate::value::BoundValue;

/// A write that was compiled.
#[derive(Debug)]
pub(crate) struct WritePlan {
    table: Arc<TableDef>,
    kind: StatementKind,
    restrictions: Restrictions,
    /// Operands after the values of the key.
    operands: Vec<StatementOperand>,
    attributes: UsingAttributes,
    /// What an answer shows of a row that refuses the write, where it waits upon conditions.
    shown: Option<Shown>,
    /// How its conditions ask about each row that they look at.
    asks: Asks,
    target: WrittenRows,
    /// The values as the engine takes them, where nothing is made of them.
    direct: Option<DirectWrite>,
}

/// What the conditions of a statement are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asks {
    /// Whether the row must exist, or must not.
    pub(super) exists: Option<bool>,
    /// Whether regular columns are compared.
    pub(super) regulars: bool,
    /// Whether static columns are compared.
    pub(super) statics: bool,
}

/// What is written.
#[derive(Debug)]
enum WrittenRows {
    /// Rows or partitions that are named one by one.
    Rows(Box<Prepared>),
    /// Ranges of rows, which are deleted.
    Ranges,
}

/// What comes after USING (`UsingAttributes`).
#[derive(Debug, Default)]
pub(super) struct UsingAttributes {
    timestamp: Option<Expr>,
    ttl: Option<Expr>,
}

/// Compiles one write; its markers are noted.
pub(crate) fn compile(
    scope: &mut Scope<'_>,
    database: &Database,
    statement: &Modification,
) -> CqlResult<WritePlan> {
    refuse_write(scope, statement)?;
    match statement {
        Modification::Insert(insert) => compile_insert(scope, database, insert),
        Modification::Update(update) => compile_update(scope, database, update),
        Modification::Delete(delete) => compile_delete(scope, database, delete),
    }
}

/// The parts of a write before its columns are known.
struct Draft {
    table: Arc<TableDef>,
    attributes: UsingAttributes,
    conditions: Conditions,
    operands: Operands,
    operations: Vec<(ColumnSpec, Action)>,
}

impl Draft {
    fn new(
        scope: &mut Scope<'_>,
        name: &QualifiedName,
        timestamp: Option<&IntValue>,
        ttl: Option<&IntValue>,
    ) -> CqlResult<Self> {
        let table = scope.table(name)?;
        let attributes = UsingAttributes::prepare(scope, &table, timestamp, ttl)?;
        Ok(Self {
            table,
            attributes,
            conditions: Conditions::None,
            operands: Operands::default(),
            operations: Vec::new(),
        })
    }

    fn wait(&mut self, scope: &mut Scope<'_>, condition: Option<&Condition>) -> CqlResult<()> {
        if matches!(condition, Some(Condition::If(_))) && self.attributes.timestamp.is_some() {
            return refuse("Cannot provide custom timestamp for conditional updates");
        }
        self.conditions = conditions::prepare(scope, &self.table, condition, &mut self.operands)?;
        Ok(())
    }

    /// What is refused once everything is known (`ModificationStatement`'s constructor).
    fn check_conditional(&self) -> CqlResult<()> {
        if self.conditions == Conditions::None {
            return Ok(());
        }
        if self.table.is_counter() {
            return refuse("Conditional updates are not supported on counter tables");
        }
        if self.attributes.timestamp.is_some() {
            return refuse("Cannot provide custom timestamp for conditional updates");
        }
        Ok(())
    }

    fn asks(&self) -> Asks {
        let is_static =
            |name: &str| self.table.column(name).is_some_and(|column| column.kind == ColumnKind::Static);
        match &self.conditions {
            Conditions::None => Asks::default(),
            Conditions::Exists => Asks { exists: Some(true), ..Asks::default() },
            Conditions::NotExists => Asks { exists: Some(false), ..Asks::default() },
            Conditions::Columns(each) => Asks {
                exists: None,
                regulars: each.iter().any(|condition| !is_static(&condition.column)),
                statics: each.iter().any(|condition| is_static(&condition.column)),
            },
        }
    }

    fn sets_only_statics(&self) -> bool {
        let is_static =
            |name: &str| self.table.column(name).is_some_and(|column| column.kind == ColumnKind::Static);
        self.operations.iter().all(|(spec, _)| is_static(&spec.name))
    }

    /// Whether only static columns are written and looked at (`appliesOnlyToStaticColumns`).
    fn only_statics(&self) -> bool {
        let is_static =
            |name: &str| self.table.column(name).is_some_and(|column| column.kind == ColumnKind::Static);
        let by_conditions = match &self.conditions {
            Conditions::Columns(conditions) => {
                conditions.iter().all(|condition| is_static(&condition.column))
            }
            _ => true,
        };
        !self.operations.is_empty()
            && by_conditions
            && self.operations.iter().all(|(spec, _)| is_static(&spec.name))
    }

    fn finish(
        self,
        database: &Database,
        kind: StatementKind,
        restrictions: Restrictions,
    ) -> CqlResult<WritePlan> {
        self.check_conditional()?;
        let asks = self.asks();
        let Self { table, attributes, conditions, operands, operations } = self;
        let shown = (conditions != Conditions::None).then(|| Shown::of(&table, &conditions));
        let operands = operands.each;
        let (target, direct) = if restrictions.names_range() {
            (WrittenRows::Ranges, None)
        } else {
            let mut plan = StatementPlan::new(kind, 0);
            let rows = restrictions.row_columns();
            let schema = table.schema();
            let names = schema.partition_key().iter().chain(schema.shown_clustering().iter().take(rows));
            plan.key = names.enumerate().map(|(place, column)| (column.name.clone(), place)).collect();
            let offset = plan.key.len();
            plan.values = offset + operands.len();
            plan.operations =
                operations.iter().map(|(spec, action)| (spec.name.clone(), moved(action, offset))).collect();
            plan.conditions = moved_conditions(conditions, offset);
            let prepared = database.table(table.keyspace(), table.name())?.prepare(plan)?;
            let is_plain = shown.is_none() && attributes.timestamp.is_none() && attributes.ttl.is_none();
            let key = restrictions.key_exprs().filter(|_| is_plain);
            let operands = operands.iter().map(StatementOperand::plain).collect::<Option<Vec<_>>>();
            let direct = key
                .zip(operands)
                .and_then(|(key, operands)| DirectWrite::new(key.into_iter().chain(operands)));
            (WrittenRows::Rows(Box::new(prepared)), direct)
        };
        Ok(WritePlan { table, kind, restrictions, operands, attributes, shown, asks, target, direct })
    }
}

fn compile_insert(scope: &mut Scope<'_>, database: &Database, insert: &Insert) -> CqlResult<WritePlan> {
    let using = &insert.using;
    let mut draft = Draft::new(scope, &insert.table, using.timestamp_us.as_ref(), using.ttl_s.as_ref())?;
    if insert.if_not_exists {
        draft.conditions = Conditions::NotExists;
    }
    let table = draft.table.clone();
    if table.is_counter() {
        return refuse("INSERT statements are not allowed on counter tables, use UPDATE instead");
    }
    let (columns, values) = match &insert.values {
        InsertValues::Columns { columns, values } => (columns, values),
        InsertValues::Json { value, default_unset } => {
            return compile_json(scope, database, draft, value, *default_unset);
        }
    };
    if columns.len() != values.len() {
        return refuse("Unmatched column names/values");
    }
    if columns.iter().enumerate().any(|(at, name)| columns.iter().take(at).any(|before| before == name)) {
        return refuse("The column names contains duplicates");
    }
    let mut relations = Vec::new();
    let mut sets_clustering = false;
    for (name, value) in columns.iter().zip(values) {
        let def = column(&table, name)?;
        sets_clustering |= def.kind == ColumnKind::Clustering;
        if is_key(&def) {
            let target = RelationTarget::Column(name.clone());
            relations.push(Relation::Comparison {
                target,
                operator: Comparison::Equal,
                value: value.clone(),
            });
        } else {
            let spec = spec_of(&table, &def);
            let assigned = operations::set(scope, &table, &spec, value, &mut draft.operands)?;
            draft.operations.push((spec, assigned));
        }
    }
    let only_statics = !sets_clustering && draft.only_statics();
    let purpose =
        Purpose::Write { statement: "INSERT", only_statics, ranges: false, deletes: DeletedPart::Rows };
    let restrictions = restrictions::prepare(scope, &table, &relations, None, purpose)?;
    draft.finish(database, StatementKind::Insert, restrictions)
}

/// The rest of an `INSERT JSON`, which writes all columns (`ParsedInsertJson`).
fn compile_json(
    scope: &mut Scope<'_>,
    database: &Database,
    mut draft: Draft,
    value: &JsonValue,
    default_unset: bool,
) -> CqlResult<WritePlan> {
    let table = draft.table.clone();
    let defs = all_columns(&table);
    let columns: Arc<[ColumnSpec]> = defs.iter().map(|def| spec_of(&table, def)).collect();
    let default = if default_unset { BoundValue::Unset } else { BoundValue::Null };
    let exprs: Vec<Expr> = match value {
        JsonValue::Text(text) => {
            json::columns(text, &columns, &default)?.into_iter().map(Expr::from).collect()
        }
        JsonValue::Marker(marker) => {
            scope.markers.note(marker, &spec(&table, "[json]", &Type::Text));
            let of = |column| Expr::Json {
                marker: marker.index,
                columns: columns.clone(),
                column,
                default: default.clone(),
            };
            (0..columns.len()).map(of).collect()
        }
    };
    let mut key = Vec::new();
    for ((def, spec), expr) in defs.iter().zip(columns.iter()).zip(exprs) {
        match table.schema().column(&def.name) {
            Some((kind, index)) if is_key(def) => key.push((ColumnPlace { kind, index }, spec.clone(), expr)),
            _ => {
                let place = draft.operands.push(expr, Role::Value);
                draft.operations.push((spec.clone(), Action::Set(place)));
            }
        }
    }
    let purpose = Purpose::Write {
        statement: "INSERT",
        only_statics: false,
        ranges: false,
        deletes: DeletedPart::Rows,
    };
    let restrictions = restrictions::of_row(&table, key, purpose)?;
    draft.finish(database, StatementKind::Insert, restrictions)
}

fn compile_update(scope: &mut Scope<'_>, database: &Database, update: &Update) -> CqlResult<WritePlan> {
    let using = &update.using;
    let mut draft = Draft::new(scope, &update.table, using.timestamp_us.as_ref(), using.ttl_s.as_ref())?;
    draft.wait(scope, update.condition.as_ref())?;
    let table = draft.table.clone();
    for assignment in &update.assignments {
        let is_conditional = draft.conditions != Conditions::None;
        let operation = operations::assign(scope, &table, assignment, &mut draft.operands, is_conditional)?;
        draft.operations.push(operation);
    }
    let purpose = Purpose::Write {
        statement: "UPDATE",
        only_statics: draft.only_statics(),
        ranges: false,
        deletes: DeletedPart::Rows,
    };
    let restrictions = restrictions::prepare(scope, &table, &update.where_clause, None, purpose)?;
    draft.finish(database, StatementKind::Update, restrictions)
}

fn compile_delete(scope: &mut Scope<'_>, database: &Database, delete: &Delete) -> CqlResult<WritePlan> {
    let mut draft = Draft::new(scope, &delete.table, delete.timestamp_us.as_ref(), None)?;
    draft.wait(scope, delete.condition.as_ref())?;
    let table = draft.table.clone();
    for target in &delete.targets {
        let operation = operations::delete(scope, &table, target, &mut draft.operands)?;
        draft.operations.push(operation);
    }
    let is_conditional = !matches!(draft.conditions, Conditions::None);
    let ranges = draft.operations.is_empty() && !is_conditional;
    let deletes = match (draft.operations.is_empty(), is_conditional) {
        (false, false) => DeletedPart::Columns,
        (false, true) if draft.sets_only_statics() => DeletedPart::StaticsOfRow,
        _ => DeletedPart::Rows,
    };
    let purpose = Purpose::Write { statement: "DELETE", only_statics: draft.only_statics(), ranges, deletes };
    let restrictions = restrictions::prepare(scope, &table, &delete.where_clause, None, purpose)?;
    draft.finish(database, StatementKind::Delete, restrictions)
}

/// The action with its operands behind the values of the key.
fn moved(action: &Action, by: usize) -> Action {
    match action.clone() {
        Action::Set(v) => Action::Set(v + by),
        Action::Add(v) => Action::Add(v + by),
        Action::Subtract(v) => Action::Subtract(v + by),
        Action::Prepend(v) => Action::Prepend(v + by),
        Action::AppendElement(v) => Action::AppendElement(v + by),
        Action::PrependElement(v) => Action::PrependElement(v + by),
        Action::RemoveValue(v) => Action::RemoveValue(v + by),
        Action::SetAt { index, value } => Action::SetAt { index: index + by, value: value + by },
        Action::RemoveAt(v) => Action::RemoveAt(v + by),
        Action::AddKey(v) => Action::AddKey(v + by),
        Action::PutKey { key, value } => Action::PutKey { key: key + by, value: value + by },
        Action::RemoveKey(v) => Action::RemoveKey(v + by),
        Action::Combine { value, with } => Action::Combine { value: value + by, with },
        Action::SetField { field, value } => Action::SetField { field, value: value + by },
        rest @ (Action::Delete | Action::RemoveField(_)) => rest,
    }
}

fn moved_conditions(conditions: Conditions, by: usize) -> Conditions {
    use helenus_engine::{Operand, Part};
    let Conditions::Columns(mut each) = conditions else { return conditions };
    for condition in &mut each {
        match &mut condition.operand {
            Operand::One(place) => *place += by,
            Operand::Several(places) => places.iter_mut().for_each(|place| *place += by),
        }
        if let Part::Element(place) = &mut condition.part {
            *place += by;
        }
    }
    Conditions::Columns(each)
}

impl UsingAttributes {
    pub(super) fn prepare(
        scope: &mut Scope<'_>,
        table: &TableDef,
        timestamp: Option<&IntValue>,
        ttl: Option<&IntValue>,
    ) -> CqlResult<Self> {
        let mut one = |value: Option<&IntValue>, name: &str, ty: Type| {
            let receiver = spec(table, name, &ty);
            value.map(|value| term::prepare_int(scope, value, &receiver)).transpose()
        };
        let timestamp = one(timestamp, "[timestamp]", Type::BigInt)?;
        Ok(Self { timestamp, ttl: one(ttl, "[ttl]", Type::Int)? })
    }

    /// The timestamp that the statement brings, or else the request.
    fn timestamp(&self, run: &StatementRun<'_>) -> CqlResult<Option<i64>> {
        let own = self.timestamp.as_ref().map(|expr| timestamp_of(run, expr)).transpose()?.flatten();
        let timestamp = own.or(run.options.timestamp_us);
        if timestamp == Some(i64::MIN) {
            let (least, most) = (i64::MIN + 1, i64::MAX);
            return refuse(format!("Out of bound timestamp, must be in [{least}, {most}]"));
        }
        Ok(timestamp)
    }

    /// The engine's options in an execution; what waits upon conditions has a moment of its own.
    fn options(&self, run: &StatementRun<'_>, is_conditional: bool) -> CqlResult<WriteOptions> {
        let mut options = WriteOptions::new();
        if let Some(timestamp) = self.timestamp(run)?.filter(|_| !is_conditional) {
            options = options.timestamp(timestamp);
        }
        if let Some(now) = run.options.now_seconds {
            options = options.now_seconds(now);
        }
        if let Some(expr) = &self.ttl {
            options = match expr.evaluate(run)? {
                BoundValue::Unset => options,
                BoundValue::Null => options.ttl(0),
                BoundValue::Bytes(bytes) if bytes.is_empty() => options.ttl(0),
                BoundValue::Bytes(bytes) => options.ttl(seconds(&bytes)?),
            };
        }
        Ok(options)
    }
}

/// The value after TIMESTAMP; none if it is unset.
pub(super) fn timestamp_of(run: &StatementRun<'_>, expr: &Expr) -> CqlResult<Option<i64>> {
    match expr.evaluate(run)? {
        BoundValue::Null => refuse("Invalid null value of timestamp"),
        BoundValue::Unset => Ok(None),
        BoundValue::Bytes(bytes) => match <[u8; 8]>::try_from(bytes.as_slice()) {
            Ok(bytes) => Ok(Some(i64::from_be_bytes(bytes))),
            Err(_) => refuse("Invalid timestamp value"),
        },
    }
}

fn seconds(bytes: &[u8]) -> CqlResult<u32> {
    let Ok(bytes) = <[u8; 4]>::try_from(bytes) else { return refuse("Invalid TTL value") };
    let ttl = i32::from_be_bytes(bytes);
    let Ok(seconds) = u32::try_from(ttl) else {
        return refuse(format!("A TTL must be greater or equal to 0, but was {ttl}"));
    };
    let most = helenus_schema::MAX_TTL_SECONDS;
    if seconds > most {
        return refuse(format!("ttl is too large. requested ({seconds}) maximum ({most})"));
    }
    Ok(seconds)
}

impl WritePlan {
    /// The table.
    pub(crate) fn table(&self) -> &Arc<TableDef> {
        &self.table
    }

    /// Whether it waits upon conditions.
    pub(crate) fn is_conditional(&self) -> bool {
        self.shown.is_some()
    }

    /// What an answer shows of a row that refuses it.
    pub(super) fn shown(&self) -> Option<&Shown> {
        self.shown.as_ref()
    }

    /// What its conditions are about.
    pub(super) fn asks(&self) -> Asks {
        self.asks
    }

    /// Whether it brings a timestamp of its own.
    pub(super) fn has_timestamp(&self) -> bool {
        self.attributes.timestamp.is_some()
    }

    /// Refuses what can be prepared, but not carried out (`ModificationStatement.validate`).
    pub(super) fn validate(&self) -> CqlResult<()> {
        if self.table.is_counter() {
            if self.attributes.timestamp.is_some() {
                return refuse("Cannot provide custom timestamp for counter updates");
            }
            if self.attributes.ttl.is_some() {
                return refuse("Cannot provide custom TTL for counter updates");
            }
        }
        if self.table.view().is_some() {
            return refuse("Cannot directly modify a materialized view");
        }
        Ok(())
    }

    /// Carries it out.
    pub(crate) fn execute(&self, run: &StatementRun<'_>) -> CqlResult<Response> {
        self.validate()?;
        let mut batch = run.database.batch();
        let Some(shown) = &self.shown else {
            run.options.check_write(&self.table)?;
            self.add(run, &mut batch, false)?;
            batch.execute().map_err(|error| self.problem(error))?;
            return Ok(Response::void());
        };
        run.options.check_conditional()?;
        self.keys(run)?;
        self.check_one_row("partition key", self.restrictions.names_several_partitions())?;
        self.check_one_row("clustering key columns", self.restrictions.names_several_rows())?;
        self.add(run, &mut batch, true)?;
        let rows = match batch.execute_if().map_err(|error| self.problem(error))? {
            BatchOutcome::Applied => conditions::applied(&self.table),
            BatchOutcome::Refused(rows) => conditions::refused(&self.table, shown, false, &rows)?,
        };
        Ok(Answer::Rows(rows).into())
    }

    /// Carries it out with values that go to the engine as they are; `None` where something is made
    /// of them, and where they are refused: [`execute`](Self::execute) says why, in Cassandra's
    /// words.
    pub(crate) fn execute_directly(
        &self,
        options: &QueryOptions,
        values: &[&dyn BindValue],
    ) -> Option<CqlResult<Response>> {
        let (Some(direct), WrittenRows::Rows(prepared)) = (&self.direct, &self.target) else { return None };
        options.check_write(&self.table).ok()?;
        direct.execute(prepared, options, values)
    }

    /// Refuses conditions on several rows.
    pub(super) fn check_one_row(&self, what: &str, names_several: bool) -> CqlResult<()> {
        if !names_several {
            return Ok(());
        }
        let verb = if self.kind == StatementKind::Delete { "deletions" } else { "updates" };
        refuse(format!("IN on the {what} is not supported with conditional {verb}"))
    }

    /// Adds it to a batch, which may wait upon conditions.
    pub(super) fn add(
        &self,
        run: &StatementRun<'_>,
        batch: &mut Batch,
        is_conditional: bool,
    ) -> CqlResult<()> {
        match &self.target {
            WrittenRows::Rows(prepared) => {
                let rows = self.values(run)?;
                let options = self.attributes.options(run, is_conditional)?;
                for values in rows {
                    let values: Vec<&dyn BindValue> =
                        values.iter().map(|value| value as &dyn BindValue).collect();
                    prepared
                        .add_with(&options, batch, values.as_slice())
                        .map_err(|error| self.problem(error))?;
                }
                Ok(())
            }
            WrittenRows::Ranges => self.delete_ranges(run, batch, is_conditional),
        }
    }

    /// An error of the engine in Cassandra's words.
    pub(super) fn problem(&self, error: helenus_engine::Error) -> CqlError {
        let Some(missing) = error.no_such_element() else { return error.into() };
        CqlError::invalid(match (missing.len, self.kind) {
            (0, StatementKind::Delete) => {
                "Attempted to delete an element from a list which is null".to_owned()
            }
            (0, _) => "Attempted to set an element on a list which is null".to_owned(),
            (len, _) => format!("List index {} out of bound, list has size {len}", missing.index),
        })
    }

    fn delete_ranges(
        &self,
        run: &StatementRun<'_>,
        batch: &mut Batch,
        is_conditional: bool,
    ) -> CqlResult<()> {
        let table = run.database.table(self.table.keyspace(), self.table.name())?;
        let keys = self.keys(run)?;
        let slices = self.restrictions.slices(run)?;
        let timestamp = self.attributes.timestamp(run)?.filter(|_| !is_conditional);
        for key in keys {
            for [from, to] in &slices.0 {
                let mut delete = table.delete(RawKey(&key), ());
                delete = delete.from(as_key(from)).to(as_key(to));
                if let Some(timestamp) = timestamp {
                    delete = delete.timestamp(timestamp);
                }
                delete.add_to(batch)?;
            }
        }
        Ok(())
    }

    /// The keys of its partitions.
    pub(super) fn keys(&self, run: &StatementRun<'_>) -> CqlResult<Vec<KeyParts>> {
        Ok(match self.restrictions.partitions(run)? {
            PartitionChoice::Keys(keys) => keys,
            PartitionChoice::Nothing | PartitionChoice::Tokens(_) => Vec::new(),
        })
    }

    /// Whether IN is asked of its partition key.
    pub(super) fn names_several_partitions(&self) -> bool {
        self.restrictions.names_several_partitions()
    }

    /// Whether IN is asked of its clustering.
    pub(super) fn names_several_rows(&self) -> bool {
        self.restrictions.names_several_rows()
    }

    /// The clusterings of its rows that are named one by one.
    pub(super) fn rows(&self, run: &StatementRun<'_>) -> CqlResult<Vec<KeyParts>> {
        self.restrictions.rows(run)
    }

    /// For each row or partition the values of its key, then those of the operands.
    fn values(&self, run: &StatementRun<'_>) -> CqlResult<Vec<Vec<OperandValue>>> {
        let keys = self.keys(run)?;
        let rows = self.restrictions.rows(run)?;
        restrictions::check_combinations(keys.len(), rows.len(), "primary key")?;
        let mut all = Vec::with_capacity(keys.len() * rows.len());
        for key in &keys {
            for row in &rows {
                let of_key = key.iter().chain(row).map(|bytes| Ok(BoundValue::Bytes(bytes.clone()).into()));
                // Each row has its own `uuid()`.
                let operands = self.operands.iter().map(|operand| operand.evaluate(run));
                all.push(of_key.chain(operands).collect::<CqlResult<_>>()?);
            }
        }
        Ok(all)
    }
}

fn as_key(end: &Bound<KeyParts>) -> Bound<RawKey<'_>> {
    end.as_ref().map(|values| RawKey(values))
}
