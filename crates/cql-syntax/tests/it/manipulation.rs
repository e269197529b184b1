//! Statements of the data manipulation language as text.

use helenus_cql_syntax::{Statement, parse_statement};

use crate::statements::{check, same};

#[track_caller]
fn refused(text: &str) {
    assert!(parse_statement(text).is_err(), "{text}");
}

#[test]
fn select() {
    same("SELECT * FROM ks.t");
    same("SELECT DISTINCT a, b FROM t LIMIT 10");
    same("SELECT JSON * FROM t WHERE a = ? PER PARTITION LIMIT :n LIMIT ? ALLOW FILTERING");
    check(
        "select A, \"B\" as x, count(*), COUNT(1), writetime(a), ttl(m['k']), maxwritetime(s.f), cast(a as text), \
         ks.f(a, 1), f() from t",
        "SELECT a, \"B\" AS x, count(*), count(1), writetime(a), ttl(m['k']), maxwritetime(s.f), CAST(a AS text), \
         ks.f(a, 1), f() FROM t",
    );
    same("SELECT m['k'], l[0], s[1..2], s[..?], s[:a..], u.f.g[1].h, f(a).b FROM t");
    same(
        "SELECT a + b * 2 - - c / 4 % d, (a + b) * c, - 1, -1, (int) a, (frozen<list<int>>) b .c, 1 .d FROM t",
    );
    same("SELECT (list<int>) [1], (int) [1], (a)[1], (\"int\")[1], (\"int\"), int, system.token(a) FROM t");
    refused("SELECT a -1 FROM t");
    refused("SELECT a-1 FROM t");
    same("SELECT [a, 1], {a, 1}, {a: b}, {'x': b}, {a + 1: b}, (a, b), {}, [], null, ?, :x FROM t");
    same("SELECT token(a, b), ttl, count, key FROM t GROUP BY a, f(b) ORDER BY c DESC, d");
    same("SELECT a FROM t ORDER BY v ANN OF [1.0, 2.0] LIMIT 3");
    check("SELECT a FROM t ORDER BY a ASC", "SELECT a FROM t ORDER BY a");
    refused("SELECT FROM t");
    refused("SELECT a");
    refused("SELECT a FROM t WHERE");
    refused("SELECT a FROM t LIMIT 1.5");
    refused("SELECT a FROM t LIMIT 1 PER PARTITION LIMIT 1");
    refused("SELECT select FROM t");
}

#[test]
fn json_and_distinct_are_columns_too() {
    check("SELECT json, distinct FROM t", "SELECT \"json\", \"distinct\" FROM t");
    check("SELECT json FROM t", "SELECT \"json\" FROM t");
    check("SELECT json AS x FROM t", "SELECT \"json\" AS x FROM t");
    check("SELECT distinct.a, json + 1 FROM t", "SELECT \"distinct\".a, \"json\" + 1 FROM t");
    same("SELECT JSON DISTINCT \"json\" FROM t");
    same("SELECT JSON a FROM t");
}

#[test]
fn relations() {
    same("SELECT * FROM t WHERE a = 1 AND b != 2 AND c < 3 AND d <= 4 AND e > 5 AND f >= 6");
    same("SELECT * FROM t WHERE a IN (1, 2) AND b IN () AND c IN ? AND d IN :d");
    same(
        "SELECT * FROM t WHERE (a, b) > (1, 2) AND (a, b) IN ((1, 2), (3, 4)) AND (a, b) IN (?, ?) AND (a, b) = ?",
    );
    same("SELECT * FROM t WHERE token(a, b) > token(1, 2) AND token(a) <= -5");
    same("SELECT * FROM t WHERE a CONTAINS 1 AND b CONTAINS KEY 'k' AND c LIKE '%x%' AND d IS NOT NULL");
    same("SELECT * FROM t WHERE a CONTAINS key.f() AND b CONTAINS KEY key.f()");
    same("SELECT * FROM t WHERE m['k'] = 1 AND expr(idx, '{}')");
    check("SELECT * FROM t WHERE (a = 1) AND ((b) IN ((1))) AND ((c > 1))", {
        "SELECT * FROM t WHERE a = 1 AND (b) IN ((1)) AND c > 1"
    });
    same("SELECT * FROM t WHERE a = ('x') ALLOW FILTERING");
    same("SELECT * FROM t WHERE a = ('x') AND (b, c) = ?");
    same("SELECT * FROM t WHERE a = (int) 5 AND b = ('org.T') 'x' AND expr = 1");
    refused("SELECT * FROM t WHERE a = b");
    refused("SELECT * FROM t WHERE a IS NULL");
    refused("SELECT * FROM t WHERE u.f = 1");
    refused("SELECT * FROM t WHERE token(a) IN (1)");
    refused("SELECT * FROM t WHERE (a) IN (1)");
    refused("SELECT * FROM t WHERE (a, b) IN ((1, 2), ?)");
    refused("SELECT * FROM t WHERE (a) = 1");
}

#[test]
fn insert() {
    same("INSERT INTO ks.t (a, \"B\") VALUES (1, ['x']) IF NOT EXISTS USING TIMESTAMP 5 AND TTL ?");
    same("INSERT INTO t JSON '{\"a\": ''x''}' DEFAULT UNSET");
    check("insert into t json :j default null using ttl 5 and timestamp -3", {
        "INSERT INTO t JSON :j USING TIMESTAMP -3 AND TTL 5"
    });
    same("INSERT INTO t (a) VALUES ({f: 1, \"G\": {'k': (1, 'b')}}) USING TTL 86400");
    refused("INSERT INTO t (a) VALUES (b)");
    refused("INSERT INTO t () VALUES ()");
    check("INSERT INTO t (a) VALUES (1) USING TTL 1 AND TTL 2", "INSERT INTO t (a) VALUES (1) USING TTL 2");
    same("INSERT INTO t (a) VALUES (0xabc) USING TIMESTAMP 9223372036854775808");
    refused("INSERT INTO t (a) VALUES (1e309)");
    refused("INSERT INTO t (a) VALUES ({a: 1, 'b': 2})");
    refused("INSERT INTO t VALUES (1)");
}

#[test]
fn update() {
    same("UPDATE ks.t USING TTL 5 SET a = 1, b['k'] = null, c.f = ? WHERE k = 1 IF EXISTS");
    same("UPDATE t SET a = a + 1, b = b - {1}, c = [1] + c, d = 1 + 2 WHERE k = 1");
    check("UPDATE t SET a += 1, b -= 2, c = c -3, d=d+-4 WHERE k = 1", {
        "UPDATE t SET a = a + 1, b = b - 2, c = c + -3, d = d + -4 WHERE k = 1"
    });
    same(
        "UPDATE t SET a = 1 WHERE k = 1 IF a = 1 AND m['k'] IN (1, 2) AND u.f != 3 AND l CONTAINS 1 AND b IN ?",
    );
    same("UPDATE t SET a = 1 WHERE k = 1 IF exists = 1");
    same("UPDATE t SET a = now() WHERE k = 1");
    same("UPDATE t SET u.a = 1, u.b = 2, l[0] = 1, l = l + [2] WHERE k = 1");
    refused("UPDATE t SET a = 1, a = 2 WHERE k = 1");
    refused("UPDATE t SET l = l + [1], l = [2] WHERE k = 1");
    refused("UPDATE t SET u.a = 1, u.a = 2 WHERE k = 1");
    refused("UPDATE t SET a = b + 1 WHERE k = 1");
    refused("UPDATE t SET a = 1 + b WHERE k = 1");
    refused("UPDATE t SET a = a WHERE k = 1");
    refused("UPDATE t SET a = 1");
    refused("UPDATE t SET a = 1 WHERE k = 1 IF a LIKE 'x'");
}

#[test]
fn delete() {
    same("DELETE FROM ks.t USING TIMESTAMP :ts WHERE k = 1 AND c > 2 IF EXISTS");
    same("DELETE a, m['k'], u.f FROM t WHERE k = 1 IF a = 1");
    refused("DELETE FROM t");
    refused("DELETE FROM t USING TTL 5 WHERE k = 1");
    refused("DELETE * FROM t WHERE k = 1");
}

#[test]
fn batch() {
    check(
        "BEGIN unlogged BATCH USING TIMESTAMP 5 INSERT INTO t (a) VALUES (1) DELETE FROM t WHERE a = 2; \
         UPDATE t SET b = 1 WHERE a = ('x') APPLY BATCH;",
        "BEGIN UNLOGGED BATCH USING TIMESTAMP 5 INSERT INTO t (a) VALUES (1); DELETE FROM t WHERE a = 2; \
         UPDATE t SET b = 1 WHERE a = ('x'); APPLY BATCH",
    );
    same("BEGIN BATCH APPLY BATCH");
    same("BEGIN COUNTER BATCH UPDATE t SET c = c + 1 WHERE k = 1; APPLY BATCH");
    refused("BEGIN BATCH SELECT * FROM t APPLY BATCH");
    refused("BEGIN BATCH INSERT INTO t (a) VALUES (1)");
}

#[test]
fn spans_of_statements_leave_out_what_is_between_them() {
    let text = "  SELECT * FROM t ; -- x\n BEGIN BATCH DELETE FROM t WHERE a = 1; APPLY BATCH ;\n";
    let statements = helenus_cql_syntax::parse_statements(text).unwrap();
    assert_eq!(statements[0].span.of(text), "SELECT * FROM t");
    assert_eq!(statements[1].span.of(text), "BEGIN BATCH DELETE FROM t WHERE a = 1; APPLY BATCH");
    assert!(matches!(statements[1].node, Statement::Batch(_)));
}
