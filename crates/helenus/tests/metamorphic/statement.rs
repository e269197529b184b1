//! One write, and the ways to say it.

use std::ops::Bound as RangeEnd;
use std::sync::Arc;

use helenus::{
    Action, BatchOutcome, BindValue, Binding, Condition, Conditional, Conditions, Op, Operand, Outcome, Part,
    RangePlan, StatementKind, StatementPlan, Table, Type, Value, ValueError, WriteOptions,
};

/// A bound value: a value, null or unset.
#[derive(Clone, Debug)]
pub(crate) enum Bound {
    Value(Value),
    Unset,
}

impl BindValue for Bound {
    fn bind(&self, ty: &Type, out: &mut Vec<u8>) -> Result<Binding, ValueError> {
        match self {
            Self::Value(value) => value.bind(ty, out),
            Self::Unset => helenus::Unset.bind(ty, out),
        }
    }
}

/// An end of a range of rows: the beginning of a clustering, and whether it is included.
pub(crate) type End = Option<(Vec<Value>, bool)>;

/// A write.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) table: &'static str,
    pub(crate) kind: StatementKind,
    /// The table's columns of the primary key, those of the partition key first.
    pub(crate) key_columns: &'static [&'static str],
    pub(crate) key: Vec<Value>,
    pub(crate) clustering: Vec<Value>,
    pub(crate) range: Option<(End, End)>,
    pub(crate) actions: Vec<(String, Action<Bound>)>,
    pub(crate) conditions: Conditions<Bound>,
    pub(crate) ttl: Option<u32>,
    /// The caller's timestamp, in microseconds before the step's time.
    pub(crate) ago: Option<i64>,
}

impl Write {
    pub(crate) fn is_conditional(&self) -> bool {
        !matches!(self.conditions, Conditions::None)
    }

    pub(crate) fn options(&self, now_micros: i64) -> WriteOptions {
        let mut options = WriteOptions::new();
        if let Some(ttl) = self.ttl {
            options = options.ttl(ttl);
        }
        if let Some(ago) = self.ago {
            options = options.timestamp(now_micros - ago);
        }
        options
    }

    /// The statement without its values, and these.
    pub(crate) fn plan(&self) -> (StatementPlan, Vec<Bound>) {
        let mut values: Vec<Bound> = Vec::new();
        let mut place = |value: &Bound| {
            values.push(value.clone());
            values.len() - 1
        };
        let mut places =
            |values: &[Value]| values.iter().map(|v| place(&Bound::Value(v.clone()))).collect::<Vec<_>>();
        let (key, clustering) = (places(&self.key), places(&self.clustering));
        let mut plan = StatementPlan::new(self.kind, 0);
        plan.key = self
            .key_columns
            .iter()
            .map(|name| Arc::from(*name))
            .zip(key.into_iter().chain(clustering))
            .collect();
        plan.range = self.range.as_ref().map(|(from, to)| {
            let mut end = |end: &End| end.as_ref().map(|(values, included)| (places(values), *included));
            RangePlan { from: end(from), to: end(to) }
        });
        plan.operations = self
            .actions
            .iter()
            .map(|(name, action)| (Arc::from(name.as_str()), placed(action, &mut place)))
            .collect();
        plan.conditions = match &self.conditions {
            Conditions::None => Conditions::None,
            Conditions::Exists => Conditions::Exists,
            Conditions::NotExists => Conditions::NotExists,
            Conditions::Columns(columns) => {
                Conditions::Columns(columns.iter().map(|column| compared(column, &mut place)).collect())
            }
        };
        plan.values = values.len();
        (plan, values)
    }

    /// Says it with the builders; `None` where they have no word for it.
    pub(crate) fn build(&self, table: &Table, now_micros: i64) -> Option<helenus::Result<String>> {
        match self.kind {
            StatementKind::Insert => self.insert(table, now_micros),
            StatementKind::Update => self.update(table, now_micros),
            StatementKind::Delete => self.delete(table, now_micros),
        }
    }

    fn insert(&self, table: &Table, now_micros: i64) -> Option<helenus::Result<String>> {
        let mut insert = table.insert(self.key.as_slice(), self.clustering.as_slice());
        for (column, action) in &self.actions {
            let Action::Set(value) = action else { return None };
            insert = insert.set(column, value.clone());
        }
        if let Some(ttl) = self.ttl {
            insert = insert.ttl(ttl);
        }
        if let Some(ago) = self.ago {
            insert = insert.timestamp(now_micros - ago);
        }
        match &self.conditions {
            Conditions::None => Some(insert.execute().map(done)),
            Conditions::NotExists => Some(insert.if_not_exists().execute().map(outcome)),
            _ => None,
        }
    }

    fn update(&self, table: &Table, now_micros: i64) -> Option<helenus::Result<String>> {
        let mut update = table.update(self.key.as_slice(), self.clustering.as_slice());
        for (column, action) in &self.actions {
            update = match action {
                Action::Set(value) => update.set(column, value.clone()),
                Action::Add(Bound::Value(Value::BigInt(delta))) => update.increment(column, *delta),
                Action::AddKey(Bound::Value(key)) => update.add_to_set(column, key.clone()),
                Action::PutKey { key: Bound::Value(key), value } => {
                    update.put(column, key.clone(), value.clone())
                }
                Action::RemoveKey(Bound::Value(key)) => update.remove_key(column, key.clone()),
                Action::AppendElement(Bound::Value(value)) => update.append(column, value.clone()),
                Action::PrependElement(Bound::Value(value)) => update.prepend(column, value.clone()),
                Action::RemoveValue(Bound::Value(value)) => update.remove_value(column, value.clone()),
                Action::SetAt { index: Bound::Value(Value::Int(index)), value } => {
                    update.set_at(column, index.cast_unsigned(), value.clone())
                }
                Action::SetField { field, value } => update.set_field(column, field, value.clone()),
                _ => return None,
            };
        }
        if let Some(ttl) = self.ttl {
            update = update.ttl(ttl);
        }
        if let Some(ago) = self.ago {
            update = update.timestamp(now_micros - ago);
        }
        let conditional = match &self.conditions {
            Conditions::None => return Some(update.execute().map(done)),
            Conditions::Exists => update.if_exists(),
            Conditions::NotExists => return None,
            Conditions::Columns(columns) => {
                let (first, rest) = columns.split_first()?;
                let Operand::One(value) = &first.operand else { return None };
                let first = match &first.part {
                    Part::Whole => update.if_(&first.column, first.op, value.clone()),
                    Part::Element(key) => {
                        update.if_element(&first.column, key.clone(), first.op, value.clone())
                    }
                    Part::Field(field) => update.if_field(&first.column, field, first.op, value.clone()),
                };
                and(first, rest)?
            }
        };
        Some(conditional.execute().map(outcome))
    }

    fn delete(&self, table: &Table, now_micros: i64) -> Option<helenus::Result<String>> {
        let is_partition = self.clustering.is_empty() && self.range.is_none() && self.actions.is_empty();
        let mut delete = match is_partition {
            true => table.delete_partition(self.key.as_slice()),
            false => table.delete(self.key.as_slice(), self.clustering.as_slice()),
        };
        if let Some((from, to)) = &self.range {
            delete = delete.from(range_end(from)).to(range_end(to));
        }
        for (column, action) in &self.actions {
            delete = match action {
                Action::Delete => delete.column(column),
                Action::RemoveKey(Bound::Value(key)) => delete.element(column, key.clone()),
                Action::RemoveAt(Bound::Value(Value::Int(index))) => {
                    delete.element_at(column, index.cast_unsigned())
                }
                Action::RemoveField(field) => delete.field(column, field),
                _ => return None,
            };
        }
        if let Some(ago) = self.ago {
            delete = delete.timestamp(now_micros - ago);
        }
        match &self.conditions {
            Conditions::None => Some(delete.execute().map(done)),
            Conditions::Exists => Some(delete.if_exists().execute().map(outcome)),
            _ => None,
        }
    }
}

/// The answer of a write without conditions.
pub(crate) fn done((): ()) -> String {
    "done".to_owned()
}

/// The answer of a write with conditions.
pub(crate) fn outcome(outcome: Outcome) -> String {
    format!("{outcome:?}")
}

/// The answer of a batch of such writes.
pub(crate) fn batch_outcome(outcome: BatchOutcome) -> String {
    format!("{outcome:?}")
}

pub(crate) fn range_end(end: &End) -> RangeEnd<&[Value]> {
    match end {
        None => RangeEnd::Unbounded,
        Some((values, true)) => RangeEnd::Included(values),
        Some((values, false)) => RangeEnd::Excluded(values),
    }
}

fn and<'t>(mut all: Conditional<'t>, rest: &[Condition<Bound>]) -> Option<Conditional<'t>> {
    for Condition { column, part, op, operand } in rest {
        let Operand::One(value) = operand else { return None };
        all = match part {
            Part::Whole => all.if_(column, *op, value.clone()),
            Part::Element(key) => all.if_element(column, key.clone(), *op, value.clone()),
            Part::Field(field) => all.if_field(column, field, *op, value.clone()),
        };
    }
    Some(all)
}

fn placed(action: &Action<Bound>, place: &mut impl FnMut(&Bound) -> usize) -> Action {
    match action {
        Action::Set(v) => Action::Set(place(v)),
        Action::Delete => Action::Delete,
        Action::Add(v) => Action::Add(place(v)),
        Action::Subtract(v) => Action::Subtract(place(v)),
        Action::Prepend(v) => Action::Prepend(place(v)),
        Action::AppendElement(v) => Action::AppendElement(place(v)),
        Action::PrependElement(v) => Action::PrependElement(place(v)),
        Action::RemoveValue(v) => Action::RemoveValue(place(v)),
        Action::SetAt { index, value } => Action::SetAt { index: place(index), value: place(value) },
        Action::RemoveAt(v) => Action::RemoveAt(place(v)),
        Action::AddKey(v) => Action::AddKey(place(v)),
        Action::PutKey { key, value } => Action::PutKey { key: place(key), value: place(value) },
        Action::RemoveKey(v) => Action::RemoveKey(place(v)),
        Action::Combine { value, with } => Action::Combine { value: place(value), with: *with },
        Action::SetField { field, value } => Action::SetField { field: field.clone(), value: place(value) },
        Action::RemoveField(field) => Action::RemoveField(field.clone()),
    }
}

fn compared(condition: &Condition<Bound>, place: &mut impl FnMut(&Bound) -> usize) -> Condition {
    Condition {
        column: condition.column.clone(),
        part: match &condition.part {
            Part::Whole => Part::Whole,
            Part::Element(key) => Part::Element(place(key)),
            Part::Field(field) => Part::Field(field.clone()),
        },
        op: condition.op,
        operand: match &condition.operand {
            Operand::One(value) => Operand::One(place(value)),
            Operand::Several(values) => Operand::Several(values.iter().map(place).collect()),
        },
    }
}

/// A comparison of a whole column.
pub(crate) fn whole(column: &str, op: Op, operand: Operand<Bound>) -> Condition<Bound> {
    Condition { column: column.into(), part: Part::Whole, op, operand }
}
