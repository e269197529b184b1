//! What strategies make of their options and of SSTables, as text: see the files in `tests/scenarios`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use helenus_compaction::{CompactionParams, Description, Strategy, Task};
use helenus_testkit::check_scenarios;
use helenus_types::{Generation, Timestamp};

fn scenarios(name: &str, run: impl FnMut(&str, &str) -> String) {
    check_scenarios(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(name), run);
}

/// `NAME key=value …`: the map of a `compaction` option, its class by the first part of its name.
fn params(words: &str) -> Result<CompactionParams, String> {
    let mut words = words.split_whitespace();
    let class = words.next().unwrap_or_default();
    let class = if class.contains('.') { class.to_owned() } else { format!("{class}CompactionStrategy") };
    let options = words.map(|word| word.split_once('=').unwrap_or((word, "")));
    let mut map: BTreeMap<_, _> =
        options.map(|(name, value)| (name.to_owned(), value.replace('_', " "))).collect();
    map.insert("class".to_owned(), class);
    CompactionParams::from_map(map).map_err(|error| error.to_string())
}

#[test]
fn options_are_taken_and_refused_as_cassandra_does() {
    scenarios("options", |first, rest| {
        assert_eq!(rest, "");
        match params(first) {
            Err(error) => format!("refused: {error}"),
            Ok(params) => {
                let options = params.to_map().iter().filter(|(name, _)| *name != "class");
                let printed: Vec<_> = options.map(|(name, value)| format!("{name}={value}")).collect();
                format!("{:?}\n{:?}\nprinted: {}", params.strategy(), params.common(), printed.join(" "))
            }
        }
    });
}

/// A line for each SSTable: generation, size in MiB, then `key=value` for the rest.
fn tables(lines: &str) -> Vec<Description> {
    lines
        .lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).unwrap();
            let mut table = Description {
                generation: Generation(number()),
                bytes_on_disk: number() << 20,
                level: 0,
                max_timestamp: Timestamp(0),
                droppable_ratio: 0.0,
                written_at_seconds: 0,
            };
            for word in words {
                match word.split_once('=').unwrap() {
                    ("droppable", ratio) => table.droppable_ratio = ratio.parse().unwrap(),
                    ("written", second) => table.written_at_seconds = second.parse().unwrap(),
                    ("level", level) => table.level = level.parse().unwrap(),
                    (other, _) => panic!("unknown: {other}"),
                }
            }
            table
        })
        .collect()
}

fn task_text(task: &Task) -> String {
    let mut text = "merge".to_owned();
    for generation in &task.inputs {
        write!(text, " {}", generation.0).unwrap();
    }
    write!(text, " into level {}", task.level).unwrap();
    text
}

#[test]
fn tasks_are_chosen() {
    scenarios("tasks", |first, rest| {
        let (command, words) = first.split_once(' ').unwrap();
        let (at, words) = words.split_once(' ').unwrap();
        let now = at.strip_prefix("at=").unwrap().parse().unwrap();
        let params = params(words).unwrap();
        let strategy: &Strategy = params.strategy();
        let tables = tables(rest);
        let task = match command {
            "next" => strategy.next_task(&tables, now),
            "major" => strategy.major(&tables),
            other => panic!("unknown: {other}"),
        };
        let task = task.map_or_else(|| "nothing".to_owned(), |task| task_text(&task));
        format!("{task}\npending: {}", strategy.pending_tasks(&tables))
    });
}
