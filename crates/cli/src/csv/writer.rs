//! Records of CSV as text.

/// How fields are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CsvLayout {
    /// Between fields.
    pub(crate) delimiter: char,
    /// Around fields that need it.
    pub(crate) quote: char,
    /// Before a quote, or itself, in quotes; RFC 4180 has the quote itself.
    pub(crate) escape: char,
    /// The text for null, which is not in quotes.
    pub(crate) null: String,
}

/// RFC 4180.
impl Default for CsvLayout {
    fn default() -> Self {
        Self { delimiter: ',', quote: '"', escape: '"', null: String::new() }
    }
}

/// Appends a record; `None` is null, and a text that reads like it is put in quotes.
pub(crate) fn push_record<'f>(
    layout: &CsvLayout,
    fields: impl Iterator<Item = Option<&'f str>>,
    out: &mut String,
) {
    for (at, field) in fields.enumerate() {
        if at > 0 {
            out.push(layout.delimiter);
        }
        match field {
            None => out.push_str(&layout.null),
            Some(field) if layout.needs_quotes(field) => {
                out.push(layout.quote);
                for c in field.chars() {
                    if c == layout.quote || c == layout.escape {
                        out.push(layout.escape);
                    }
                    out.push(c);
                }
                out.push(layout.quote);
            }
            Some(field) => out.push_str(field),
        }
    }
    out.push('\n');
}

impl CsvLayout {
    /// Fields with a backslash are quoted too: that shows a reader which dialect it is.
    fn needs_quotes(&self, field: &str) -> bool {
        let special = |c: char| [self.delimiter, self.quote, self.escape, '\n', '\r', '\\'].contains(&c);
        field.is_empty() || field == self.null || field.contains(special)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_need_it() {
        let fields =
            || [Some("a"), None, Some(""), Some("x,y"), Some("say \"hi\""), Some("C:\\")].into_iter();
        let mut text = String::new();
        push_record(&CsvLayout::default(), fields(), &mut text);
        assert_eq!(text, "a,,\"\",\"x,y\",\"say \"\"hi\"\"\",\"C:\\\"\n");
        text.clear();
        let cqlsh = CsvLayout { escape: '\\', delimiter: '|', null: "a".to_owned(), ..CsvLayout::default() };
        push_record(&cqlsh, fields(), &mut text);
        assert_eq!(text, "\"a\"|a|\"\"|x,y|\"say \\\"hi\\\"\"|\"C:\\\\\"\n");
    }
}
