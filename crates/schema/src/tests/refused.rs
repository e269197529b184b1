//! Statements that Cassandra refuses, with its messages.

use super::super::Catalog;
use super::{apply, apply_on_node, catalog, check_round_trip};
use crate::error::CatalogErrorKind::{
    self, AlreadyExists, Configuration, Invalid, NotFound, Syntax, Unauthorized, Unsupported,
};

const SETUP: &str = "
    CREATE TYPE address (street text, city text);
    CREATE TYPE person (name text, home frozen<address>);
    CREATE TYPE loose (tags list<text>);
    CREATE TABLE t (p int, c int, s int static, v text, l list<int>, a address, PRIMARY KEY (p, c));
    CREATE TABLE flat (p int PRIMARY KEY, v text, fl frozen<list<int>>, m map<text, int>, d duration);
    CREATE TABLE keyed (p frozen<person>, q int, v text, PRIMARY KEY ((p, q)));
    CREATE TABLE cnt (p int PRIMARY KEY, n counter, o counter);
    ALTER TABLE cnt DROP o;
    ALTER TABLE t ADD (x ascii, y int static, z int);
    ALTER TABLE t DROP (x, y, z);
    CREATE INDEX by_v ON flat (v);
    CREATE TABLE base (p int, c int, v int, w int, PRIMARY KEY (p, c));
    CREATE MATERIALIZED VIEW seen AS SELECT * FROM base WHERE v IS NOT NULL AND p IS NOT NULL AND c IS NOT NULL
        PRIMARY KEY (v, p, c)";

fn check(cases: &[(&str, CatalogErrorKind, &str)]) {
    let catalog = catalog(SETUP);
    for (statement, kind, text) in cases {
        match apply(&catalog, statement) {
            Ok(applied) => panic!("{statement} was accepted: {:?}", applied.outcome.changes),
            Err(error) => {
                assert!(error.to_string().contains(text), "{statement}: {error}");
                assert_eq!(error.kind(), *kind, "{statement}: {error}");
            }
        }
    }
}

#[test]
fn names() {
    let long = format!("CREATE TABLE {} (p int PRIMARY KEY)", "n".repeat(223));
    check(&[
        (
            &long,
            Configuration,
            "Table name must not be more than 222 characters long (got 223 characters for",
        ),
        (
            "CREATE TABLE \"../x\" (p int PRIMARY KEY)",
            Configuration,
            "k.../x: Table name must not be empty or not",
        ),
        ("CREATE TABLE \"\" (p int PRIMARY KEY)", Syntax, "no identifier"),
        ("CREATE TABLE \"naïve\" (p int PRIMARY KEY)", Configuration, "(got \"naïve\")"),
        ("CREATE TABLE n (p int PRIMARY KEY, \"\" int)", Syntax, "no identifier"),
        ("ALTER TABLE t ADD \"\" int", Syntax, "no identifier"),
        ("CREATE TABLE \"a\0b\" (p int PRIMARY KEY)", Configuration, "(got \"a\\u{0}b\")"),
        (
            "CREATE KEYSPACE \"../x\" WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
            Invalid,
            "Keyspace name must not be empty",
        ),
        ("CREATE TABLE \"..\".t (p int PRIMARY KEY)", Invalid, "Keyspace name"),
        (
            "CREATE TABLE system.t (p int PRIMARY KEY)",
            Unauthorized,
            "system keyspace is not user-modifiable.",
        ),
        ("DROP KEYSPACE system_schema", Unauthorized, "system_schema keyspace is not user-modifiable."),
        (
            "CREATE KEYSPACE system WITH replication = {'class': 'SimpleStrategy'}",
            Invalid,
            "System keyspace 'system' is not user-modifiable",
        ),
        ("CREATE TABLE nowhere.t (p int PRIMARY KEY)", NotFound, "Keyspace 'nowhere' doesn't exist"),
        ("SELECT * FROM t", Invalid, "only statements that define a schema"),
        (
            "CREATE FUNCTION f (a int) RETURNS NULL ON NULL INPUT RETURNS int LANGUAGE java AS 'x'",
            Unsupported,
            "CREATE FUNCTION is not supported",
        ),
        ("USE nowhere", NotFound, "doesn't exist"),
    ]);
    let long = format!("CREATE TABLE {} (p int PRIMARY KEY)", "n".repeat(222));
    assert!(apply(&catalog(SETUP), &long).is_ok());
    let statement = helenus_cql_syntax::parse_statement("DROP TABLE t").unwrap();
    let context =
        super::ApplyContext { now: super::NOW, new_id: &mut || unreachable!(), rules: super::VIEWS };
    let error = Catalog::default().apply(&statement, None, context).unwrap_err();
    assert!(error.to_string().contains("No keyspace has been specified"), "{error}");
}

#[test]
fn keyspaces() {
    check(&[
        ("CREATE KEYSPACE j WITH durable_writes = true", Invalid, "Missing mandatory option 'replication'"),
        (
            "CREATE KEYSPACE j WITH replication = {'a': 1}",
            Configuration,
            "Missing replication strategy class",
        ),
        ("CREATE KEYSPACE j WITH replication = 'x'", Syntax, "It should be a map"),
        (
            "CREATE KEYSPACE j WITH replication = {'class': 'LocalStrategy'}",
            Invalid,
            "reserved for internal use",
        ),
        (
            "CREATE KEYSPACE j WITH replication = {'class': 'Nothing'}",
            Configuration,
            "Unable to find replication strategy class 'org.apache.cassandra.locator.Nothing'",
        ),
        (
            "CREATE KEYSPACE j WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1, 'dc': 2}",
            Configuration,
            "Unrecognized strategy option {dc} passed to SimpleStrategy for keyspace j",
        ),
        (
            "CREATE KEYSPACE j WITH replication = {'class': 'NetworkTopologyStrategy', 'dc': 'many'}",
            Configuration,
            "For input string: \"many\"",
        ),
        (
            "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
            AlreadyExists,
            "Cannot add existing keyspace \"k\"",
        ),
        ("ALTER KEYSPACE k WITH colour = 'red'", Syntax, "Unknown property 'colour'"),
        ("ALTER KEYSPACE k WITH durable_writes = 'perhaps'", Syntax, "Invalid boolean value perhaps"),
        ("ALTER KEYSPACE j WITH durable_writes = false", NotFound, "Keyspace 'j' doesn't exist"),
        ("DROP KEYSPACE j", NotFound, "Keyspace 'j' doesn't exist"),
    ]);
}

#[test]
fn types_of_columns() {
    check(&[
        ("CREATE TABLE n (p int PRIMARY KEY, v nosuch)", NotFound, "Unknown type k.nosuch"),
        (
            "CREATE TABLE n (p int PRIMARY KEY, v other.address)",
            Invalid,
            "cannot refer to a user type in keyspace other",
        ),
        (
            "CREATE TABLE n (p int PRIMARY KEY, v list<list<int>>)",
            Invalid,
            "Non-frozen collections are not allowed inside collections",
        ),
        (
            "CREATE TABLE n (p int PRIMARY KEY, v map<text, address>)",
            Invalid,
            "Non-frozen UDTs are not allowed inside collections",
        ),
        ("CREATE TABLE n (p int PRIMARY KEY, v map<set<int>, int>)", Invalid, "Non-frozen collections"),
        (
            "CREATE TABLE n (p int PRIMARY KEY, v loose)",
            Invalid,
            "Non-frozen UDTs with nested non-frozen collections",
        ),
        (
            "CREATE TABLE n (p int PRIMARY KEY, v frozen<int>)",
            Syntax,
            "frozen<> is only allowed on collections",
        ),
        (
            "CREATE TABLE n (p int PRIMARY KEY, v list<counter>)",
            Invalid,
            "Counters are not allowed inside collections",
        ),
        (
            "CREATE TABLE n (p int PRIMARY KEY, v frozen<map<counter, int>>)",
            Invalid,
            "Counters are not allowed",
        ),
        (
            "CREATE TABLE n (p int PRIMARY KEY, v tuple<counter>)",
            Invalid,
            "Counters are not allowed inside tuples",
        ),
        (
            "CREATE TABLE n (p int PRIMARY KEY, v set<duration>)",
            Invalid,
            "Durations are not allowed inside sets",
        ),
        (
            "CREATE TABLE n (p int PRIMARY KEY, v map<duration, int>)",
            Invalid,
            "Durations are not allowed as map keys",
        ),
        ("CREATE TABLE n (p int PRIMARY KEY, v vector<int, 0>)", Invalid, "positive dimensions"),
        ("CREATE TABLE n (p list<int> PRIMARY KEY)", Invalid, "Invalid non-frozen collection type list<int>"),
        (
            "CREATE TABLE n (p int, c address, PRIMARY KEY (p, c))",
            Invalid,
            "Invalid non-frozen user-defined type",
        ),
        ("CREATE TABLE n (p counter PRIMARY KEY)", Invalid, "counter type is not supported for PRIMARY KEY"),
        ("CREATE TABLE n (p frozen<list<duration>> PRIMARY KEY)", Invalid, "duration type is not supported"),
        ("CREATE TABLE n (p int PRIMARY KEY, v 'org.apache.cassandra.db.marshal.ListType(')", Syntax, ""),
        (
            "CREATE TABLE n (p int PRIMARY KEY, v 'Nope')",
            Syntax,
            "Error setting type Nope: Unable to find abstract-type class 'org.apache.cassandra.db.marshal.Nope'",
        ),
        ("CREATE TABLE n (p int PRIMARY KEY, v vector<int, -1>)", Invalid, "positive dimensions; given -1"),
    ]);
}

#[test]
fn tables() {
    check(&[
        (
            "CREATE TABLE t (p int PRIMARY KEY)",
            AlreadyExists,
            "Cannot add already existing table \"t\" to keyspace \"k\"",
        ),
        ("CREATE TABLE seen (p int PRIMARY KEY)", AlreadyExists, "already existing table"),
        ("CREATE TABLE n (p int, p text, PRIMARY KEY (p))", Invalid, "Duplicate column 'p' declaration"),
        (
            "CREATE TABLE n (p int, PRIMARY KEY (p, q))",
            Invalid,
            "Unknown column 'q' referenced in PRIMARY KEY",
        ),
        ("CREATE TABLE n (p int, PRIMARY KEY (p, p))", Invalid, "Duplicate column 'p' in PRIMARY KEY"),
        (
            "CREATE TABLE n (p int, c int static, PRIMARY KEY (p, c))",
            Invalid,
            "Static column 'c' cannot be part",
        ),
        ("CREATE TABLE n (p int PRIMARY KEY, s int static)", Invalid, "Static columns are only useful"),
        (
            "CREATE TABLE n (p int PRIMARY KEY, a counter, b int)",
            Invalid,
            "Cannot mix counter and non counter",
        ),
        (
            "CREATE TABLE n (p int PRIMARY KEY, a counter) WITH default_time_to_live = 9",
            Invalid,
            "Cannot set default_time_to_live",
        ),
        (
            "CREATE TABLE n (p int, c int, PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (x ASC)",
            Invalid,
            "[x] are not clustering columns",
        ),
        (
            "CREATE TABLE n (p int, c int, d int, PRIMARY KEY (p, c, d)) WITH CLUSTERING ORDER BY (d ASC)",
            Invalid,
            "Missing CLUSTERING ORDER for column c",
        ),
        (
            "CREATE TABLE n (p int, c int, d int, PRIMARY KEY (p, c, d)) WITH CLUSTERING ORDER BY (d ASC, c ASC)",
            Invalid,
            "c must appear before d",
        ),
        (
            "CREATE TABLE n (p int, c int, PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (c ASC, c DESC)",
            Invalid,
            "Duplicate column 'c' in CLUSTERING ORDER BY clause for table 'n'",
        ),
        ("CREATE TABLE n (p int PRIMARY KEY, v int) WITH COMPACT STORAGE", Unsupported, "COMPACT STORAGE"),
        ("CREATE TABLE n (p int PRIMARY KEY) WITH id = 'seven'", Configuration, "Invalid table id"),
        ("CREATE TABLE n (p int)", Invalid, "No PRIMARY KEY specifed for table 'n' (exactly one required)"),
        ("CREATE TABLE n (p int PRIMARY KEY, q int PRIMARY KEY)", Invalid, "Multiple PRIMARY KEY specified"),
        ("CREATE TABLE n (p int PRIMARY KEY) WITH comment = hello", Syntax, "'hello' needs quotes"),
        (
            "CREATE TABLE n (p int PRIMARY KEY) WITH id = 00000000-0000-0000-0000-000000000065",
            AlreadyExists,
            "can't have the id",
        ),
        ("DROP TABLE n", NotFound, "Table 'k.n' doesn't exist"),
        ("DROP TABLE seen", Invalid, "Please use DROP MATERIALIZED VIEW"),
        ("DROP TABLE base", Invalid, "materialized views still depend on it (seen)"),
        ("TRUNCATE n", NotFound, "table n does not exist"),
        ("TRUNCATE seen", Invalid, "must truncate base table"),
    ]);
}

#[test]
fn alterations() {
    check(&[
        ("ALTER TABLE n ADD v int", NotFound, "Table 'k.n' doesn't exist"),
        ("ALTER TABLE seen ADD v int", Invalid, "use ALTER MATERIALIZED VIEW"),
        ("ALTER TABLE t ADD v int", AlreadyExists, "Column with name 'v' already exists"),
        ("ALTER TABLE t ADD (n int, n int)", AlreadyExists, "'n' already exists"),
        ("ALTER TABLE flat ADD s int static", Invalid, "Static columns are only useful"),
        ("ALTER TABLE t ADD n counter", Configuration, "k.t: Cannot have a counter column"),
        ("ALTER TABLE cnt ADD v int", Configuration, "k.cnt: Cannot have a non counter column"),
        ("ALTER TABLE cnt ADD o counter", Invalid, "Cannot re-add previously dropped counter column o"),
        ("ALTER TABLE t ADD q loose", Invalid, "Non-frozen UDTs with nested non-frozen collections"),
        (
            "ALTER TABLE t ADD x int",
            Invalid,
            "of type int, incompatible with previously dropped column 'x' of type ascii",
        ),
        (
            "ALTER TABLE t ADD z bigint",
            Invalid,
            "of type bigint, incompatible with previously dropped column 'z' of type int",
        ),
        ("ALTER TABLE t ADD z blob", Invalid, "incompatible"),
        (
            "ALTER TABLE t ADD z int static",
            Invalid,
            "of kind STATIC, incompatible with previous kind REGULAR",
        ),
        ("ALTER TABLE t ADD y int", Invalid, "of kind REGULAR, incompatible with previous kind STATIC"),
        ("ALTER TABLE t DROP n", NotFound, "Column n was not found in table 'k.t'"),
        ("ALTER TABLE t DROP c", Invalid, "Cannot drop PRIMARY KEY column c"),
        ("ALTER TABLE t DROP a", Invalid, "Cannot drop non-frozen column a of user type address"),
        ("ALTER TABLE flat DROP v", Invalid, "dependent secondary indexes (by_v)"),
        ("ALTER TABLE base DROP w", Invalid, "with materialized views"),
        ("ALTER TABLE t RENAME v TO w", Invalid, "Cannot rename non PRIMARY KEY column v"),
        ("ALTER TABLE t RENAME n TO w", NotFound, "Undefined column name n in table k.t"),
        ("ALTER TABLE t RENAME IF EXISTS n TO w", NotFound, "Undefined column name n in table k.t"),
        ("ALTER TABLE t RENAME c TO v", AlreadyExists, "another column with that name already exists"),
        ("ALTER TABLE t RENAME c TO x", Invalid, "a column of that name was dropped"),
        ("ALTER TABLE t ALTER v TYPE blob", Invalid, "Altering column types is no longer supported"),
        ("ALTER TABLE t DROP COMPACT STORAGE", Invalid, "COMPACT STORAGE"),
        (
            "ALTER TABLE t WITH id = 00000000-0000-0000-0000-000000000065",
            Configuration,
            "Cannot alter table id",
        ),
        ("ALTER TABLE cnt WITH default_time_to_live = 1", Invalid, "on a table with counters"),
        (
            "ALTER TABLE base WITH gc_grace_seconds = 0",
            Invalid,
            "Cannot alter gc_grace_seconds of the base table",
        ),
        ("ALTER TABLE t ALTER n MASKED WITH DEFAULT", NotFound, "Column with name 'n' doesn't exist"),
    ]);
}

#[test]
fn user_types() {
    check(&[
        ("CREATE TYPE address (a int)", AlreadyExists, "A user type with name 'address' already exists"),
        ("CREATE TYPE n (a int, a text)", Invalid, "Duplicate field name 'a' in type 'n'"),
        ("CREATE TYPE n (a counter)", Invalid, "A user type cannot contain counters"),
        ("CREATE TYPE n (a address)", Invalid, "A user type cannot contain non-frozen UDTs"),
        ("CREATE TYPE n (a frozen<n>)", NotFound, "Unknown type k.n"),
        ("ALTER TYPE n ADD a int", NotFound, "Type k.n doesn't exist"),
        ("ALTER TYPE address ADD city text", AlreadyExists, "a field with name city already exists"),
        ("ALTER TYPE address ADD owner frozen<person>", Invalid, "circular reference"),
        (
            "ALTER TYPE address ADD zip text",
            Invalid,
            "used in partition key by the following tables: k.keyed",
        ),
        ("ALTER TYPE person ADD n counter", Invalid, "cannot contain counters"),
        ("ALTER TYPE address RENAME town TO city", NotFound, "Unkown field town in user type k.address"),
        ("ALTER TYPE address RENAME street TO city", Invalid, "Duplicate field name city in type k"),
        ("ALTER TYPE address ALTER city TYPE blob", Invalid, "Altering field types is no longer supported"),
        ("DROP TYPE n", NotFound, "Type 'k.n' doesn't exist"),
        ("DROP TYPE address", Invalid, "still used by user types person"),
        ("DROP TYPE person", Invalid, "still used by tables keyed"),
    ]);
    // Types of types of types grow until they are refused, not until memory is full.
    let mut grown = catalog("CREATE TYPE t0 (a int, b int)");
    let refused = (1..99).find_map(|at| {
        let last = format!("frozen<t{}>", at - 1);
        match apply(&grown, &format!("CREATE TYPE t{at} (a {last}, b {last})")) {
            Ok(applied) => {
                grown = applied.catalog;
                None
            }
            Err(error) => Some((at, error.to_string())),
        }
    });
    assert!(matches!(&refused, Some((11, text)) if text.contains("4096 parts")), "{refused:?}");
    for statement in ["ALTER TYPE t0 ADD c int", "ALTER TYPE t0 ADD c frozen<list<frozen<list<int>>>>"] {
        assert!(apply(&grown, statement).is_err(), "{statement}");
    }
    let deep =
        format!("CREATE TABLE n (p int PRIMARY KEY, v {}int{})", "frozen<set<".repeat(31), ">>".repeat(31));
    check_round_trip(&apply(&grown, &deep).unwrap().catalog);
    check(&[(&deep.replace("int>", "tuple<int>>"), Invalid, "nested 32 deep")]);
    // A column of the type may be spread over cells, where its new field can't be.
    let spread = catalog("CREATE TYPE u (a int); CREATE TABLE t (p int PRIMARY KEY, v u)");
    let error = apply(&spread, "ALTER TYPE u ADD b list<int>").unwrap_err();
    assert!(error.to_string().contains("nested non-frozen collections"), "{error}");
}

#[test]
fn indexes_and_views() {
    let view = |columns: &str, filter: &str, key: &str| {
        format!("CREATE MATERIALIZED VIEW n AS SELECT {columns} FROM base WHERE {filter} PRIMARY KEY {key}")
    };
    let all = "v IS NOT NULL AND p IS NOT NULL AND c IS NOT NULL";
    let (star, key) = ("*", "(v, p, c)");
    check(&[
        ("CREATE INDEX ON n (v)", NotFound, "Table 'n' doesn't exist"),
        ("CREATE INDEX by_v ON t (v)", AlreadyExists, "Index 'by_v' already exists"),
        ("CREATE INDEX again ON flat (v)", AlreadyExists, "is a duplicate of existing index by_v"),
        ("CREATE INDEX ON flat (n)", NotFound, "Undefined column name n in table k.flat"),
        ("CREATE INDEX ON flat (p)", Invalid, "only partition key column p"),
        ("CREATE INDEX ON flat (d)", Invalid, "not supported on duration columns"),
        ("CREATE INDEX ON flat (fl)", Invalid, "fully indexed by using the 'full(fl)' modifier"),
        ("CREATE INDEX ON flat (full(m))", Invalid, "only be created on frozen collections"),
        ("CREATE INDEX ON flat (keys(v))", Invalid, "Non-collection columns only support simple indexes"),
        ("CREATE INDEX ON t (keys(l))", Invalid, "with non-map type"),
        ("CREATE INDEX ON t (a)", Invalid, "non-frozen UDT column a"),
        ("CREATE INDEX ON t (v, l)", Invalid, "Only CUSTOM indexes support multiple columns"),
        ("CREATE INDEX ON cnt (n)", Invalid, "counter tables aren't supported"),
        ("CREATE INDEX ON seen (w)", Invalid, "materialized views aren't supported"),
        ("CREATE CUSTOM INDEX ON flat (m)", Configuration, "custom indexer class 'legacy_local_table'"),
        ("CREATE INDEX \"odd Name\" ON flat (m)", Configuration, "Illegal index name odd Name"),
        ("DROP INDEX n", NotFound, "Index 'k.n' doesn't exist"),
        ("DROP MATERIALIZED VIEW n", NotFound, "Materialized view 'k.n' doesn't exist"),
        ("DROP MATERIALIZED VIEW base", NotFound, "doesn't exist"),
        ("ALTER MATERIALIZED VIEW seen WITH default_time_to_live = 1", Invalid, "default_time_to_live"),
        ("ALTER MATERIALIZED VIEW seen WITH gc_grace_seconds = 0", Invalid, "gc_grace_seconds"),
        (&view(star, all, key).replace("base", "nothing"), NotFound, "Base table 'nothing' doesn't exist"),
        (&view(star, all, key).replace("base", "seen"), Invalid, "against other materialized views"),
        (&view(star, all, key).replace("base", "cnt"), Invalid, "not supported on counter tables"),
        (&view(star, all, key).replace(" n ", " base "), AlreadyExists, "already existing table"),
        (
            &view("v, p", all, key),
            Invalid,
            "Unknown column 'c' referenced in PRIMARY KEY for materialized view",
        ),
        (&view("nothing", all, key), Invalid, "Undefined column name nothing"),
        (&view(star, all, "(v, p)"), Invalid, "without primary key columns c"),
        (&view(star, all, "(v, w, p, c)"), Invalid, "more than one non-primary key column"),
        (&view(star, all, "(v, p, c, p)"), Invalid, "Duplicate column 'p'"),
        (&view(star, "v IS NOT NULL AND p IS NOT NULL", key), Invalid, "columns c must be restricted"),
        (&view(star, &format!("{all} AND w = 1"), key), Invalid, "w restricted illegally"),
        (&view(star, "token(p) > 1", key), Invalid, "Cannot use such a relation"),
    ]);
}

#[test]
fn options() {
    check_options(&[
        ("colour = 'red'", Syntax, "Unknown property 'colour'"),
        ("bloom_filter_fp_chance = 0", Configuration, "must be larger than"),
        ("bloom_filter_fp_chance = 1.5", Configuration, "less than or equal to 1.0 (got 1.5)"),
        ("bloom_filter_fp_chance = 'NaN'", Syntax, "Invalid double value NaN"),
        ("crc_check_chance = 1.01", Configuration, "crc_check_chance must be"),
        ("default_time_to_live = 630720001", Configuration, "less than or equal to 630720000"),
        ("default_time_to_live = -1", Configuration, "greater than or equal to 0 (got -1)"),
        ("gc_grace_seconds = 'soon'", Syntax, "Invalid integer value soon"),
        ("gc_grace_seconds = 4294967296", Syntax, "Invalid integer value"),
        (
            "min_index_interval = 0",
            Configuration,
            "min_index_interval must be greater than or equal to 1 (got 0)",
        ),
        (
            "max_index_interval = 64",
            Configuration,
            "max_index_interval must be greater than or equal to min_index_interval (128)",
        ),
        ("memtable_flush_period_in_ms = -5", Configuration, "greater than or equal to 0"),
        ("comment = {'a': 'b'}", Syntax, "It should be a string"),
        ("cdc = 'maybe'", Syntax, "Invalid boolean value maybe"),
        ("caching = {'keys': 'SOME'}", Configuration, "caching sub-option 'keys'"),
        ("caching = {'rows_per_partition': 'few'}", Configuration, "caching sub-option 'rows_per_partition'"),
        ("caching = {'pages': 'ALL'}", Configuration, "Invalid caching sub-options [pages]"),
        ("caching = 'ALL'", Syntax, "It should be a map"),
        ("speculative_retry = '101p'", Configuration, "Invalid value 101p"),
        ("speculative_retry = 'sometimes'", Configuration, "Invalid value sometimes"),
        ("additional_write_policy = 'MIN(99p,98p)'", Configuration, "Invalid value"),
        ("extensions = 'none'", Syntax, "It should be a map"),
        (
            "extensions = {'x': 0x00, 'helenus_sstable_version': 0x6c61}",
            Configuration,
            "Invalid value 0x6c61 for extension 'helenus_sstable_version': expected one of 0x6461 (da), 0x6f61 (oa), \
             0x6e62 (nb), 0x6d65 (me)",
        ),
        ("read_repair = 'EAGER'", Invalid, "expected NONE or BLOCKING"),
    ]);
}

#[test]
fn options_of_compression_and_compaction() {
    check_options(&[
        ("compression = {'class': 'LzoCompressor'}", Configuration, "Could not create Compression"),
        ("compression = {'class': 'LZ4Compressor', 'chunk_length_in_kb': 3}", Configuration, "power of 2"),
        ("compaction = {'min_threshold': 2}", Configuration, "Missing sub-option 'class'"),
        (
            "compaction = {'class': 'com.example.Fast'}",
            Configuration,
            "Unable to find compaction strategy class",
        ),
        (
            "compaction = {'class': 'SizeTieredCompactionStrategy', 'sstable_size_in_mb': 1}",
            Configuration,
            "[sstable_size_in_mb] are not understood",
        ),
        (
            "compaction = {'class': 'SizeTieredCompactionStrategy', 'min_threshold': 1}",
            Configuration,
            "Min compaction threshold cannot",
        ),
        (
            "compaction = {'class': 'SizeTieredCompactionStrategy', 'min_threshold': 9, 'max_threshold': 8}",
            Configuration,
            "cannot be greater than max compaction threshold (got 8)",
        ),
    ]);
}

/// Each option is refused so, in ALTER and in CREATE TABLE.
fn check_options(cases: &[(&str, CatalogErrorKind, &str)]) {
    let catalog = catalog(SETUP);
    for &(option, kind, text) in cases {
        let alter = format!("ALTER TABLE t WITH {option}");
        let create = format!("CREATE TABLE n (p int PRIMARY KEY) WITH {option}");
        for statement in [alter, create] {
            let error = apply(&catalog, &statement).map(|applied| applied.outcome.changes).unwrap_err();
            assert!(error.to_string().contains(text), "{statement}: {error}");
            assert_eq!(error.kind(), kind, "{statement}");
        }
    }
}

/// A table whose compressor a build leaves out was created, and refused at its first compaction.
#[test]
fn compressors_that_the_build_leaves_out() {
    use helenus_sstable::CompressionParams;
    let catalog = catalog(SETUP);
    for options in [
        "'class': 'ZstdCompressor'",
        "'class': 'SnappyCompressor'",
        "'class': 'DeflateCompressor'",
        "'class': 'LZ4Compressor', 'lz4_compressor_type': 'high'",
        "'class': 'LZ4Compressor'",
    ] {
        let words: Vec<&str> = options.split(['\'', ':', ',', ' ']).filter(|word| !word.is_empty()).collect();
        let map = words.chunks(2).map(|pair| (pair[0], pair[1]));
        let available = CompressionParams::from_options(map).unwrap().unwrap().check_available();
        let with = format!("WITH compression = {{{options}}}");
        for statement in [
            format!("CREATE TABLE new (p int PRIMARY KEY) {with}"),
            format!("ALTER TABLE flat {with}"),
            format!("ALTER MATERIALIZED VIEW seen {with}"),
        ] {
            match (&available, apply(&catalog, &statement)) {
                (Ok(()), applied) => drop(applied.unwrap()),
                (Err(expected), Err(error)) => {
                    assert_eq!(error.kind(), Unsupported, "{statement}: {error}");
                    let text = error.to_string();
                    assert!(text.contains(&expected.to_string()), "{statement}: {text}");
                    assert!(text.contains("build helenus with its feature"), "{statement}: {text}");
                }
                (Err(_), Ok(_)) => panic!("{statement} was accepted"),
            }
        }
        // Such a table may be there already: what doesn't concern its compression is as before.
        let text = catalog.to_cql().replace("LZ4Compressor", words[1]);
        let present = Catalog::parse(&text).unwrap();
        apply(&present, "ALTER TABLE flat ADD more int").unwrap();
    }
}

/// What a program with a schema of its own may do, and a client of one node may not.
#[test]
fn a_node_as_it_comes() {
    let catalog = catalog(SETUP);
    let network = |options: &str| {
        format!("ALTER KEYSPACE k WITH replication = {{'class': 'NetworkTopologyStrategy'{options}}}")
    };
    let sai = |column: &str, options: &str| {
        format!("CREATE INDEX n ON flat ({column}) USING 'sai' WITH OPTIONS = {{{options}}}")
    };
    let masked = "Cannot mask columns because dynamic data masking is not enabled.";
    for (statement, kind, text) in [
        (&*network(", 'dc1': 3"), Configuration, "Unrecognized strategy option {dc1}"),
        (&network(", 'datacenter1': '-1'"), Configuration, "must be non-negative, found -1"),
        (&network(", 'datacenter1': '3/1'"), Configuration, "Transient replication is not enabled"),
        (&network(", 'datacenter1': 0"), Configuration, "at least one datacenter must be present"),
        ("CREATE TABLE n (p int PRIMARY KEY, v int MASKED WITH DEFAULT)", Invalid, masked),
        ("ALTER TABLE t ALTER nothing MASKED WITH DEFAULT", Invalid, masked),
        ("ALTER TABLE t DROP COMPACT STORAGE", Invalid, "DROP COMPACT STORAGE is disabled."),
        (
            "CREATE INDEX n ON flat (m) USING 'nope'",
            Configuration,
            "Unable to find custom indexer class 'nope'",
        ),
        ("CREATE INDEX n ON flat (v) WITH OPTIONS = {'a': 'b'}", Invalid, "for a non-CUSTOM index"),
        (
            "CREATE CUSTOM INDEX n ON flat (v) USING 'org.apache.cassandra.index.sasi.SASIIndex'",
            Invalid,
            "SASI indexes are disabled.",
        ),
        (&sai("v", "'mode': 'x'"), Configuration, "[mode] are not understood by StorageAttachedIndex"),
        (&sai("v", "'ascii': 'maybe'"), Invalid, "Illegal value for boolean option 'ascii': maybe"),
        (&sai("m", "'ascii': 'true'"), Invalid, "CQL type int cannot be analyzed."),
        (&sai("v", "'similarity_function': 'cosine'"), Invalid, "CQL type text cannot have vector options"),
    ] {
        let error = apply_on_node(&catalog, statement).map(|applied| applied.outcome.changes).unwrap_err();
        assert!(error.to_string().contains(text), "{statement}: {error}");
        assert_eq!(error.kind(), kind, "{statement}");
    }
    let replicated = |options: &str| {
        let applied = apply_on_node(&catalog, &network(options)).unwrap();
        check_round_trip(&applied.catalog);
        let warnings: Vec<_> = applied.outcome.warnings.iter().map(ToString::to_string).collect();
        (applied.catalog.keyspace("k").unwrap().replication()["datacenter1"].clone(), warnings)
    };
    assert_eq!(replicated(""), ("1".to_owned(), vec![]));
    let (factor, warnings) = replicated(", 'replication_factor': 3");
    assert_eq!((factor.as_str(), warnings.len()), ("3", 2), "{warnings:?}");
    assert!(
        warnings[0].ends_with("higher than the number of nodes 1 for datacenter datacenter1"),
        "{warnings:?}"
    );
    // What has a mask may lose it.
    let catalog = apply(&catalog, "ALTER TABLE flat ALTER v MASKED WITH DEFAULT").unwrap().catalog;
    apply_on_node(&catalog, "ALTER TABLE flat ALTER v DROP MASKED").unwrap();
}
