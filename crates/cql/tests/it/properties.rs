//! Random statements beside a naive model; pages, markers and JSON beside the plain query.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use helenus_cql::{Answer, QueryOptions, Response, Session};
use helenus_engine::{BindValue, Database};
use helenus_types::Partitioner;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const CREATE: [&str; 4] = [
    "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "USE k",
    "CREATE TABLE t (p int, c int, s int static, v int, w text, m map<text, int>, PRIMARY KEY (p, c))",
    "CREATE TABLE copy (p int, c int, s int static, v int, w text, m map<text, int>, PRIMARY KEY (p, c))",
];
const PARTITIONS: i32 = 4;
const ROWS: i32 = 6;
const TEXTS: [&str; 4] = ["", "a", "it's", "é\"\\\n"];

// --- writes ----------------------------------------------------------------------------------------------------------
#[derive(Clone, Debug)]
enum Change {
    /// Values that are written; null deletes, and one that isn't given is left alone.
    Row {
        insert: bool,
        p: i32,
        c: i32,
        v: Option<Option<i32>>,
        w: Option<Option<usize>>,
    },
    Static {
        p: i32,
        s: Option<i32>,
    },
    Element {
        p: i32,
        c: i32,
        key: usize,
        value: Option<i32>,
    },
    DeleteRow {
        p: i32,
        c: i32,
    },
    /// Rows from one on, up to another, which isn't.
    DeleteRange {
        p: i32,
        from: Option<i32>,
        to: Option<i32>,
    },
    DeletePartition {
        p: i32,
    },
    Flush,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let (p, c, number, text) = (0..PARTITIONS, 0..ROWS, -3..3_i32, 0..TEXTS.len());
    let row = (
        any::<bool>(),
        p.clone(),
        c.clone(),
        option::of(option::of(number.clone())),
        option::of(option::of(text.clone())),
    );
    let end = option::of(c.clone());
    let change = prop_oneof![
        8 => row.prop_map(|(insert, p, c, v, w)| Change::Row { insert, p, c, v, w }),
        2 => (p.clone(), option::of(number.clone())).prop_map(|(p, s)| Change::Static { p, s }),
        3 => (p.clone(), c.clone(), text, option::of(number))
            .prop_map(|(p, c, key, value)| Change::Element { p, c, key, value }),
        1 => (p.clone(), c).prop_map(|(p, c)| Change::DeleteRow { p, c }),
        1 => (p.clone(), end.clone(), end).prop_map(|(p, from, to)| Change::DeleteRange { p, from, to }),
        1 => p.prop_map(|p| Change::DeletePartition { p }),
        1 => Just(Change::Flush),
    ];
    vec(change, 0..40)
}

// --- the model -------------------------------------------------------------------------------------------------------
#[derive(Clone, Debug, Default)]
struct Row {
    has_marker: bool,
    v: Option<i32>,
    w: Option<usize>,
    m: BTreeMap<&'static str, i32>,
}

#[derive(Clone, Debug, Default)]
struct Partition {
    s: Option<i32>,
    rows: BTreeMap<i32, Row>,
}

type Model = BTreeMap<i32, Partition>;

impl Row {
    fn is_live(&self) -> bool {
        self.has_marker || self.v.is_some() || self.w.is_some() || !self.m.is_empty()
    }
}

fn apply(model: &mut Model, change: &Change) {
    match change {
        Change::Row { insert, p, c, v, w } => {
            let row = model.entry(*p).or_default().rows.entry(*c).or_default();
            row.has_marker |= insert;
            row.v = v.unwrap_or(row.v);
            row.w = w.unwrap_or(row.w);
        }
        Change::Static { p, s } => model.entry(*p).or_default().s = *s,
        Change::Element { p, c, key, value } => {
            let m = &mut model.entry(*p).or_default().rows.entry(*c).or_default().m;
            match value {
                Some(value) => drop(m.insert(TEXTS[*key], *value)),
                None => drop(m.remove(TEXTS[*key])),
            }
        }
        Change::DeleteRow { p, c } => drop(model.entry(*p).or_default().rows.remove(c)),
        Change::DeleteRange { p, from, to } => {
            let is_kept = |c: i32| from.is_some_and(|from| c < from) || to.is_some_and(|to| c >= to);
            model.entry(*p).or_default().rows.retain(|c, _| is_kept(*c));
        }
        Change::DeletePartition { p } => drop(model.remove(p)),
        Change::Flush => {}
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn literal<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
}

/// The change as a statement at that time.
fn statement(change: &Change, time: usize) -> Option<String> {
    let at = format!("USING TIMESTAMP {time}");
    Some(match change {
        Change::Row { insert, p, c, v, w } => {
            let v = v.map(|v| ("v", literal(v)));
            let w = w.map(|w| ("w", literal(w.map(|w| quoted(TEXTS[w])))));
            let set: Vec<_> = v.into_iter().chain(w).collect();
            if *insert {
                let names: String = set.iter().map(|(name, _)| format!(", {name}")).collect();
                let values: String = set.iter().map(|(_, value)| format!(", {value}")).collect();
                format!("INSERT INTO t (p, c{names}) VALUES ({p}, {c}{values}) {at}")
            } else {
                let set: Vec<_> = set.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                if set.is_empty() {
                    return None;
                }
                format!("UPDATE t {at} SET {} WHERE p = {p} AND c = {c}", set.join(", "))
            }
        }
        Change::Static { p, s } => format!("UPDATE t {at} SET s = {} WHERE p = {p}", literal(*s)),
        Change::Element { p, c, key, value } => {
            let (key, value) = (quoted(TEXTS[*key]), literal(*value));
            format!("UPDATE t {at} SET m[{key}] = {value} WHERE p = {p} AND c = {c}")
        }
        Change::DeleteRow { p, c } => format!("DELETE FROM t {at} WHERE p = {p} AND c = {c}"),
        Change::DeleteRange { p, from, to } => {
            let from = from.map(|from| format!(" AND c >= {from}")).unwrap_or_default();
            let to = to.map(|to| format!(" AND c < {to}")).unwrap_or_default();
            if from.is_empty() && to.is_empty() {
                // All rows, but not the static one.
                format!("DELETE FROM t {at} WHERE p = {p} AND c >= -1000")
            } else {
                format!("DELETE FROM t {at} WHERE p = {p}{from}{to}")
            }
        }
        Change::DeletePartition { p } => format!("DELETE FROM t {at} WHERE p = {p}"),
        Change::Flush => return None,
    })
}

// --- queries ---------------------------------------------------------------------------------------------------------
#[derive(Clone, Debug)]
struct Query {
    shown: ShownRows,
    partitions: Partitions,
    rows: WantedRows,
    /// `v >=` this.
    filter: Option<i32>,
    descending: bool,
    limit: Option<i32>,
    per_partition: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ShownRows {
    Each,
    Groups,
    Count,
}

#[derive(Clone, Debug)]
enum Partitions {
    All,
    One(i32),
    In(Vec<i32>),
}

#[derive(Clone, Debug)]
enum WantedRows {
    All,
    One(i32),
    In(Vec<i32>),
    Range(Option<i32>, Option<i32>),
}

fn queries() -> impl Strategy<Value = Query> {
    let (p, c) = (0..PARTITIONS, 0..ROWS);
    let partitions = prop_oneof![
        Just(Partitions::All),
        p.clone().prop_map(Partitions::One),
        vec(p, 1..4).prop_map(Partitions::In),
    ];
    let end = option::of(c.clone());
    let rows = prop_oneof![
        2 => Just(WantedRows::All),
        1 => c.clone().prop_map(WantedRows::One),
        1 => vec(c, 1..4).prop_map(WantedRows::In),
        1 => (end.clone(), end).prop_map(|(from, to)| WantedRows::Range(from, to)),
    ];
    let shown =
        prop_oneof![4 => Just(ShownRows::Each), 1 => Just(ShownRows::Groups), 1 => Just(ShownRows::Count)];
    let limits = (option::of(1..8_i32), option::of(1..4_i32));
    (shown, partitions, rows, option::weighted(0.3, -3..3_i32), any::<bool>(), limits).prop_map(
        |(shown, partitions, rows, filter, descending, (limit, per_partition))| Query {
            descending: descending && matches!(partitions, Partitions::One(_)),
            limit: limit.filter(|_| shown != ShownRows::Count),
            per_partition: per_partition.filter(|_| shown != ShownRows::Count),
            shown,
            partitions,
            rows,
            filter,
        },
    )
}

impl Query {
    /// The statement, and its values if they are not in the text.
    fn text(&self, markers: bool) -> (String, Vec<i32>) {
        let mut values = Vec::new();
        let mut value = |number: i32| {
            if markers {
                values.push(number);
                return "?".to_owned();
            }
            number.to_string()
        };
        let mut list =
            |numbers: &[i32]| numbers.iter().map(|number| value(*number)).collect::<Vec<_>>().join(", ");
        let mut restrictions = Vec::new();
        match &self.partitions {
            Partitions::All => {}
            Partitions::One(p) => restrictions.push(format!("p = {}", list(&[*p]))),
            Partitions::In(each) => restrictions.push(format!("p IN ({})", list(each))),
        }
        match &self.rows {
            WantedRows::All => {}
            WantedRows::One(c) => restrictions.push(format!("c = {}", list(&[*c]))),
            WantedRows::In(each) => restrictions.push(format!("c IN ({})", list(each))),
            WantedRows::Range(from, to) => {
                restrictions.extend(from.map(|from| format!("c >= {}", list(&[from]))));
                restrictions.extend(to.map(|to| format!("c < {}", list(&[to]))));
            }
        }
        restrictions.extend(self.filter.map(|v| format!("v >= {}", list(&[v]))));
        let mut text = match self.shown {
            ShownRows::Each => "SELECT p, c, s, v, w, m FROM t".to_owned(),
            ShownRows::Groups => "SELECT p, count(*), sum(v), max(c) FROM t".to_owned(),
            ShownRows::Count => "SELECT count(*), min(v) FROM t".to_owned(),
        };
        if !restrictions.is_empty() {
            write!(text, " WHERE {}", restrictions.join(" AND ")).unwrap();
        }
        if self.shown == ShownRows::Groups {
            text.push_str(" GROUP BY p");
        }
        if self.descending {
            text.push_str(" ORDER BY c DESC");
        }
        if let Some(limit) = self.per_partition {
            write!(text, " PER PARTITION LIMIT {}", list(&[limit])).unwrap();
        }
        if let Some(limit) = self.limit {
            write!(text, " LIMIT {}", list(&[limit])).unwrap();
        }
        text.push_str(" ALLOW FILTERING");
        (text, values)
    }

    fn wants(&self, c: i32) -> bool {
        match &self.rows {
            WantedRows::All => true,
            WantedRows::One(one) => *one == c,
            WantedRows::In(each) => each.contains(&c),
            WantedRows::Range(from, to) => from.is_none_or(|from| c >= from) && to.is_none_or(|to| c < to),
        }
    }

    /// Whether a partition shows its static column alone where it has no row.
    fn shows_static_only(&self) -> bool {
        let is_open = matches!(self.rows, WantedRows::All | WantedRows::Range(None, None));
        is_open && self.filter.is_none()
    }

    /// The partitions, in the order in which they are shown.
    fn partitions(&self, model: &Model) -> Vec<i32> {
        let mut keys: Vec<i32> = model.keys().copied().collect();
        match &self.partitions {
            Partitions::All => keys.sort_by_key(|p| Partitioner::murmur3_token(&p.to_be_bytes())),
            Partitions::One(p) => keys.retain(|key| key == p),
            Partitions::In(each) => keys.retain(|key| each.contains(key)),
        }
        keys
    }

    /// What the model answers.
    fn answer(&self, model: &Model) -> Vec<String> {
        let mut shown = Vec::new();
        let mut all: Vec<(Option<i32>, Option<i32>)> = Vec::new();
        for p in self.partitions(model) {
            let partition = &model[&p];
            let mut rows: Vec<(i32, &Row)> = partition.rows.iter().map(|(c, row)| (*c, row)).collect();
            rows.retain(|(c, row)| {
                row.is_live() && self.wants(*c) && self.filter.is_none_or(|v| row.v.is_some_and(|of| of >= v))
            });
            if self.descending {
                rows.reverse();
            }
            let mut of_partition: Vec<_> = rows.iter().map(|(c, row)| (Some(*c), row.v)).collect();
            let mut lines: Vec<_> = rows
                .iter()
                .map(|(c, row)| {
                    let w = row.w.map(|w| TEXTS[w]);
                    show(&[&Some(p), &Some(*c), &partition.s, &row.v], w, &row.m)
                })
                .collect();
            let has_row = partition.rows.values().any(Row::is_live);
            if !has_row && partition.s.is_some() && self.shows_static_only() {
                of_partition.push((None, None));
                lines.push(show(&[&Some(p), &None, &partition.s, &None], None, &BTreeMap::new()));
            }
            let per_partition = self.per_partition.and_then(|limit| usize::try_from(limit).ok());
            match self.shown {
                ShownRows::Each => shown.extend(lines.into_iter().take(per_partition.unwrap_or(usize::MAX))),
                ShownRows::Groups if of_partition.is_empty() => {}
                ShownRows::Groups => {
                    let sum: i32 = of_partition.iter().filter_map(|(_, v)| *v).sum();
                    let max = of_partition.iter().filter_map(|(c, _)| *c).max();
                    shown.push(format!("{p} {} {sum} {max:?}", of_partition.len()));
                }
                ShownRows::Count => all.extend(of_partition),
            }
        }
        if self.shown == ShownRows::Count {
            return vec![format!("{} {:?}", all.len(), all.iter().filter_map(|(_, v)| *v).min())];
        }
        shown.truncate(self.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX));
        shown
    }
}

fn show(numbers: &[&Option<i32>], w: Option<&str>, m: &BTreeMap<&str, i32>) -> String {
    format!("{numbers:?} {w:?} {m:?}")
}

/// The rows of an answer as the model shows them, and the next page's state.
fn rows_of(query: &Query, response: Response) -> (Vec<String>, Option<Vec<u8>>) {
    let Answer::Rows(mut rows) = response.answer else { panic!("no rows: {response:?}") };
    let mut shown = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let number = |column: usize| row.get::<Option<i32>>(column).unwrap();
        shown.push(match query.shown {
            ShownRows::Each => {
                let m = row.get::<Option<BTreeMap<&str, i32>>>(5).unwrap().unwrap_or_default();
                show(&[&number(0), &number(1), &number(2), &number(3)], row.get(4).unwrap(), &m)
            }
            ShownRows::Groups => {
                let (p, count) = (row.get::<i32>(0).unwrap(), row.get::<i64>(1).unwrap());
                format!("{p} {count} {} {:?}", row.get::<i32>(2).unwrap(), number(3))
            }
            ShownRows::Count => format!("{} {:?}", row.get::<i64>(0).unwrap(), number(1)),
        });
    }
    let state = rows.paging_state().map(<[u8]>::to_vec);
    (shown, state)
}

fn database() -> (Database, Session) {
    let database = Database::in_memory().unwrap();
    let session = Session::new(&database);
    CREATE.iter().for_each(|create| drop(session.execute(create, ()).unwrap()));
    (database, session)
}

/// A database that saw those changes, and the model of it.
fn filled(changes: &[Change]) -> (Database, Session, Model) {
    let (database, session) = database();
    let mut model = Model::new();
    for (time, change) in changes.iter().enumerate() {
        apply(&mut model, change);
        if let Change::Flush = change {
            database.flush().unwrap();
        }
        if let Some(statement) = statement(change, time + 1) {
            session.execute(&statement, ()).unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }
    (database, session, model)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_query_answers_what_the_model_does(changes in changes(), queries in vec(queries(), 12)) {
        let (_database, session, model) = filled(&changes);
        for query in queries {
            let (text, _) = query.text(false);
            let response = session.execute(&text, ()).unwrap_or_else(|error| panic!("{text}: {error}"));
            let (rows, state) = rows_of(&query, response);
            prop_assert_eq!(&rows, &query.answer(&model), "{}", text);
            prop_assert_eq!(state, None);
        }
    }

    #[test]
    fn pages_and_markers_answer_what_the_plain_query_does(
        changes in changes(),
        queries in vec((queries(), 1..6_usize), 8),
    ) {
        let (database, session, _) = filled(&changes);
        for (query, page_size) in queries {
            let (text, _) = query.text(false);
            let (whole, _) = rows_of(&query, session.execute(&text, ()).unwrap());
            let (marked, values) = query.text(true);
            let values: Vec<&dyn BindValue> = values.iter().map(|value| value as &dyn BindValue).collect();
            let prepared = session.prepare(&marked).unwrap();
            prop_assert_eq!(prepared.markers().len(), values.len());
            let mut options = QueryOptions { page_size: Some(page_size), ..QueryOptions::default() };
            let (mut paged, mut pages) = (Vec::new(), 0);
            loop {
                let (rows, state) = rows_of(&query, prepared.execute(values.as_slice(), &options).unwrap());
                prop_assert!(rows.len() <= page_size, "{} rows on a page of {}", rows.len(), page_size);
                paged.extend(rows);
                pages += 1;
                options.paging_state = state;
                if options.paging_state.is_none() {
                    break;
                }
                prop_assert!(pages <= whole.len() + 1, "{} goes on for ever", marked);
                if pages % 2 == 0 {
                    database.flush().unwrap();
                }
            }
            prop_assert_eq!(&paged, &whole, "{} by pages of {}", marked, page_size);
        }
    }

    #[test]
    fn json_that_was_selected_and_inserted_is_the_same(changes in changes()) {
        let (_database, session, _) = filled(&changes);
        let json = |query: &str| -> Vec<String> {
            let Answer::Rows(mut rows) = session.execute(query, ()).unwrap().answer else { panic!("{query}") };
            let mut all = Vec::new();
            while let Some(row) = rows.next().unwrap() {
                all.push(row.get::<&str>(0).unwrap().to_owned());
            }
            all
        };
        let rows = json("SELECT JSON * FROM t");
        let insert = session.prepare("INSERT INTO copy JSON ?").unwrap();
        for row in &rows {
            if row.contains("\"c\": null") {
                let of_static = row.replace("\"c\": null", "\"c\": 0");
                // A row would be there too: only the static column is copied.
                insert.execute((of_static.as_str(),), &QueryOptions::default()).unwrap();
                let p = row.split("\"p\": ").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
                session.execute(&format!("DELETE FROM copy WHERE p = {p} AND c = 0"), ()).unwrap();
            } else {
                insert.execute((row.as_str(),), &QueryOptions::default()).unwrap();
            }
        }
        prop_assert_eq!(json("SELECT JSON * FROM copy"), rows);
    }
}
