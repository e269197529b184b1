//! Golden files: text that a test produced once, was read by a person, and must not change
//! unnoticed.

use std::path::Path;

/// Compares `actual` with the file at `path`. With the environment's `HELENUS_BLESS=1` the file is
/// rewritten instead, to be read in the diff of the commit.
///
/// # Panics
/// With the lines that differ, if they do or if the file is not there.
#[expect(clippy::disallowed_methods, reason = "a golden file belongs to the source tree, not to a database")]
pub fn check_golden(path: impl AsRef<Path>, actual: &str) {
    let path = path.as_ref();
    if std::env::var_os("HELENUS_BLESS").is_some_and(|value| value == "1") {
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        if let Err(error) = made.and_then(|()| std::fs::write(path, actual)) {
            panic!("cannot write {}: {error}", path.display());
        }
        return;
    }
    let bless = "run the test with HELENUS_BLESS=1 and read what it wrote";
    match std::fs::read(path) {
        Err(error) => panic!("cannot read {}: {error}; {bless}", path.display()),
        Ok(bytes) => {
            let expected = String::from_utf8_lossy(&bytes);
            if expected != actual {
                panic!("{} differs (- file, + now); {bless}\n{}", path.display(), diff(&expected, actual));
            }
        }
    }
}

/// Checks a file of scenarios: blocks of input, a line `----`, and what `run` makes of the input;
/// blocks end with an empty line, lines that begin with `#` are comments. `run` gets the first line
/// of a block and the rest of its input. With `HELENUS_BLESS=1` the outcomes are written anew, to
/// be read in the diff.
///
/// # Panics
/// When the file can't be read, a block has no `----`, or an outcome differs.
pub fn check_scenarios(path: impl AsRef<Path>, mut run: impl FnMut(&str, &str) -> String) {
    let path = path.as_ref();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => panic!("cannot read {}: {error}", path.display()),
    };
    let mut actual = String::new();
    let mut lines = text.lines().peekable();
    while let Some(first) = lines.next() {
        actual.push_str(first);
        actual.push('\n');
        if first.is_empty() || first.starts_with('#') {
            continue;
        }
        let mut input = String::new();
        loop {
            let Some(line) = lines.next().filter(|line| !line.is_empty()) else {
                panic!("{}: the scenario {first:?} has no line ----", path.display());
            };
            actual.push_str(line);
            actual.push('\n');
            if line == "----" {
                break;
            }
            input.push_str(line);
            input.push('\n');
        }
        while lines.next_if(|line| !line.is_empty()).is_some() {}
        let outcome = run(first, &input);
        assert!(!outcome.lines().any(str::is_empty), "{first}: an outcome has no empty lines: {outcome:?}");
        actual.push_str(outcome.trim_end());
        actual.push('\n');
    }
    check_golden(path, &actual);
}

/// The lines that differ, with two around each: what only the file has after `-`, what only the
/// text has after `+`.
fn diff(expected: &str, actual: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail =
        old.iter().skip(head).rev().zip(new.iter().skip(head).rev()).take_while(|(a, b)| a == b).count();
    let mut text = String::new();
    let mut line = |number: usize, sign: char, line: &str| {
        text.push_str(&format!("{number:5} {sign} {line}\n"));
    };
    let context = head.saturating_sub(2);
    for (number, same) in old.iter().enumerate().take(head).skip(context) {
        line(number + 1, ' ', same);
    }
    let middle = |lines: &[&str]| lines.len() - tail - head;
    let changed = lcs(
        old.iter().copied().skip(head).take(middle(&old)).collect(),
        new.iter().copied().skip(head).take(middle(&new)).collect(),
    );
    let mut number = head;
    for (sign, changed) in changed {
        number += usize::from(sign != '+');
        line(number, sign, changed);
    }
    for (offset, same) in old.iter().enumerate().skip(old.len() - tail).take(2) {
        line(offset + 1, ' ', same);
    }
    if old == new {
        text.push_str("only the ends of lines differ\n");
    }
    text
}

/// The lines of both by a longest common subsequence; of very long ones simply all of the first,
/// then the second.
fn lcs<'a>(old: Vec<&'a str>, new: Vec<&'a str>) -> Vec<(char, &'a str)> {
    if old.len() * new.len() > 4_000_000 {
        return old.into_iter().map(|l| ('-', l)).chain(new.into_iter().map(|l| ('+', l))).collect();
    }
    let width = new.len() + 1;
    let mut common = vec![0usize; (old.len() + 1) * width];
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            common[i * width + j] = match a == b {
                true => common[(i + 1) * width + j + 1] + 1,
                false => common[(i + 1) * width + j].max(common[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < old.len()
            && (j == new.len() || common[(i + 1) * width + j] >= common[i * width + j + 1])
        {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_shows_what_changed_and_two_lines_around() {
        let text = diff("a\nb\nc\nd\ne\nf\ng\n", "a\nb\nc\nX\ne\nf\ng\n");
        assert_eq!(text, "    2   b\n    3   c\n    4 - d\n    4 + X\n    5   e\n    6   f\n");
        assert_eq!(diff("a\n", "a"), "    1   a\nonly the ends of lines differ\n");
        assert_eq!(diff("", "x\n"), "    0 + x\n");
    }

    #[test]
    #[should_panic(expected = "HELENUS_BLESS=1")]
    fn a_missing_file_says_how_to_make_it() {
        check_golden("no/such/file", "text");
    }

    #[test]
    #[should_panic(expected = "- [package]")]
    fn a_changed_text_fails() {
        check_golden(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "another");
    }
}
