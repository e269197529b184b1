//! Differences of two sides, and their places.

/// One difference. Texts are for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which partition: the values of its key, as JSON; `None` where both sides differ as a whole.
    pub partition: Option<String>,
    /// Where in it.
    pub place: Place,
    /// What the left side has there; `None` is nothing.
    pub left: Option<String>,
    /// What the right side has there.
    pub right: Option<String>,
}

/// Where in a partition two sides differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The type of a column. Where the types can't be reconciled its values are not compared.
    Column(String),
    /// One side alone has the partition.
    Partition,
    /// The partition's deletion.
    PartitionDeletion,
    /// From that bound on another range deletion holds, up to the next difference or equal marker.
    RangeDeletion(String),
    /// In a row, that of those clustering values, or the static one.
    Row(RowName, RowPart),
}

/// Which row of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowName {
    /// The static one.
    Static,
    /// That of those clustering values, as JSON.
    At(String),
}

/// What of a row differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowPart {
    /// One side alone has the row.
    Whole,
    /// Its marker.
    Liveness,
    /// Its deletion.
    Deletion,
    /// The deletion of all elements of that column.
    ComplexDeletion(String),
    /// The cell of that column, of a collection the one at that path.
    Cell(String, Option<String>),
}
