//! Options of a dump.

/// *The form of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DumpTimes {
    /// As ISO 8601 instants.
    #[default]
    Instants,
    /// As numbers of microseconds and seconds (`sstabledump -t`).
    Raw,
}

/// *The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DumpForm {
    /// One array of JSON, laid out for people.
    #[default]
    Json,
    /// A JSON object in a line for each partition (`sstabledump -l`).
    JsonLines,
    /// One array of the partitions' keys (`sstabledump -e`).
    Keys,
    /// A line for each deletion of a partition, row and marker, as Cassandra names them inside
    /// (`sstabledump -d`). Times are numbers there.
    Lines,
}

/// Options of a dump.
#[derive(Clone, Copy, Debug, Default)]
pub struct DumpOptions {
    /// *The form of times.
    pub times: DumpTimes,
    /// *The form of the output.
    pub form: DumpForm,
    /// The second since 1970 by which something has expired or not.
    pub now: u32,
}

/// Which partitions are dumped, by raw keys. By default all.
#[derive(Clone, Debug, Default)]
pub struct DumpKeys {
    /// Only these keys, if the table has them: they are found by its index (`sstabledump -k`).
    pub only: Option<Vec<Vec<u8>>>,
    /// None of these (`sstabledump -x`).
    pub except: Vec<Vec<u8>>,
}
