//! HELP, and the versions.

use super::problem::Problem;

pub(super) const VERSIONS: &str =
    concat!("[helenus ", env!("CARGO_PKG_VERSION"), " | Cassandra 5.0 | CQL spec 3.4.7]");

/// A command, its forms, and what it does.
const TOPICS: [(&str, &str); 15] = [
    ("CAPTURE", "CAPTURE 'FILE'     appends answers to FILE instead of printing them
CAPTURE OFF        prints them again
CAPTURE            says where they go"),
    ("CLEAR", "CLEAR | CLS        clears the terminal"),
    ("CONSISTENCY", "CONSISTENCY [LEVEL]            accepted for scripts of cqlsh: there is one copy of the data"),
    ("COPY", "COPY [KEYSPACE.]TABLE [(COLUMN, …)] TO 'FILE' | STDOUT [WITH OPTION = VALUE [AND …]]
COPY [KEYSPACE.]TABLE [(COLUMN, …)] FROM 'FILE' | STDIN [WITH OPTION = VALUE [AND …]]
  Writes rows to a file of CSV, or reads them from one. Options of both:
    DELIMITER (,)  QUOTE (\")  ESCAPE (\\)  HEADER (FALSE)  NULL ('')  ENCODING (utf8)
  TO:   PAGESIZE (1000)
  FROM: MAXROWS (-1)  SKIPROWS (0)  SKIPCOLS ('')  MAXPARSEERRORS (1000)  ERRFILE (FILE.refused)  TTL
  What says how cqlsh divides its work (NUMPROCESSES, CHUNKSIZE, …) is accepted and does nothing."),
    ("DESCRIBE", "DESCRIBE [CLUSTER | SCHEMA | KEYSPACES | KEYSPACE [NAME] | TABLES | TABLE NAME | TYPES | TYPE NAME | INDEX NAME | NAME]
  Prints definitions as CQL, or lists names."),
    ("EXIT", "EXIT | QUIT        ends the shell; so does Ctrl-D"),
    ("EXPAND", "EXPAND [ON | OFF]  a line for each column instead of for each row"),
    ("HELP", "HELP [COMMAND]     this"),
    ("PAGING", "PAGING [ON | OFF]  whether a person is asked before each further page
PAGING ROWS        the rows of a page (100)"),
    ("SERIAL CONSISTENCY", "SERIAL CONSISTENCY [LEVEL]     accepted for scripts of cqlsh"),
    ("SHOW", "SHOW VERSION       the versions of the shell, of Cassandra and of CQL
SHOW HOST          what is open
SHOW SESSION ID    refused: a session has no traces"),
    ("SOURCE", "SOURCE 'FILE'      runs the statements and commands of a file"),
    ("TIMING", "TIMING [ON | OFF]  how long each statement took"),
    ("TRACING", "TRACING [ON | OFF]  ON is refused: a session has no traces"),
    ("USE", "USE KEYSPACE;      makes a keyspace that of names that bring none"),
];

/// The help about a command, or about all.
pub(super) fn text(topic: Option<&str>) -> Result<String, Problem> {
    let Some(topic) = topic else {
        let mut text = String::from(
            "Statements of CQL end with a semicolon and may have several lines. Commands end with their line:\n\n",
        );
        for (_, forms) in TOPICS {
            text.push_str(forms.lines().next().unwrap_or_default());
            text.push('\n');
        }
        text.push_str(
            "\nHELP COMMAND says more. Ctrl-C stops a query, Tab completes, the arrows bring lines back.",
        );
        return Ok(text);
    };
    let topic = topic.to_ascii_uppercase();
    let name = match topic.as_str() {
        "DESC" => "DESCRIBE",
        "QUIT" => "EXIT",
        "CLS" => "CLEAR",
        "SERIAL" => "SERIAL CONSISTENCY",
        other => other,
    };
    let found = TOPICS.iter().find(|(known, _)| *known == name);
    found.map(|(_, forms)| (*forms).to_owned()).ok_or_else(|| {
        Problem::command(format!("there is no help about {topic}; HELP alone lists the commands"))
    })
}
