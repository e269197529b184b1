//! DESCRIBE: the session's answer, as people read it.

use std::io::Write;

use helenus::cql::QueryOptions;

use super::problem::Problem;
use super::session::ShellSession;

/// Runs a DESCRIBE. What is described is printed as CQL, lists as names by keyspace; in formats for
/// machines it is rows like any others.
pub(super) fn run(shell: &mut ShellSession, text: &str) -> Result<(), Problem> {
    let mut rows = shell.session.execute_with(text, (), &QueryOptions::default())?.into_rows()?;
    let place = |name: &str| rows.columns().iter().position(|column| &*column.name == name);
    let (statement, keyspace, name) = (place("create_statement"), place("keyspace_name"), place("name"));
    let kind = place("type");
    if !shell.is_for_people() {
        return shell.print(&mut rows);
    }
    if let Some(statement) = statement {
        while let Some(row) = rows.next()? {
            let text: &str = row.get(statement)?;
            writeln!(shell.out, "\n{text}")?;
        }
        writeln!(shell.out)?;
        return Ok(());
    }
    let (Some(keyspace), Some(kind), Some(name)) = (keyspace, kind, name) else {
        return shell.print(&mut rows);
    };
    let mut known: Option<String> = None;
    writeln!(shell.out)?;
    while let Some(row) = rows.next()? {
        let (of, kind): (&str, &str) = (row.get(keyspace)?, row.get(kind)?);
        if kind != "keyspace" && known.as_deref() != Some(of) {
            let blank = if known.is_some() { "\n" } else { "" };
            writeln!(shell.out, "{blank}Keyspace {of}\n---------{}", "-".repeat(of.chars().count()))?;
            known = Some(of.to_owned());
        }
        let name: &str = row.get(name)?;
        writeln!(shell.out, "{name}")?;
    }
    writeln!(shell.out)?;
    Ok(())
}
