//! What implements an index, and which options that takes (`IndexMetadata.validate`,
//! `StorageAttachedIndex.validateOptions`).

use std::collections::BTreeMap;

use helenus_cql_syntax::{CqlType, CreateIndex, IndexTargetKind};
use helenus_types::Type;

use super::rules::SchemaRules;
use super::table_def::{TableDef, is_key};
use super::warning::SchemaWarning;
use crate::error::{CatalogError, CatalogErrorKind, Result};

/// The name of Cassandra's own kind of index, which is the default.
const LEGACY: &str = "legacy_local_table";
const SASI: &str = "org.apache.cassandra.index.sasi.SASIIndex";
const STORAGE_ATTACHED: &str = "org.apache.cassandra.index.sai.StorageAttachedIndex";

const ANALYZER_OPTIONS: [&str; 3] = ["ascii", "case_sensitive", "normalize"];
const MAX_CONNECTIONS: &str = "maximum_node_connections";
const BEAM_WIDTH: &str = "construction_beam_width";
const SIMILARITY: &str = "similarity_function";
const OPTIMIZE_FOR: &str = "optimize_for";
const VECTOR_OPTIONS: [&str; 4] = [MAX_CONNECTIONS, BEAM_WIDTH, SIMILARITY, OPTIMIZE_FOR];

/// What implements an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IndexClass<'a> {
    /// A table of its own beside the table, on every node.
    Legacy,
    /// Components of the SSTables.
    StorageAttached,
    /// Another class, by its name.
    Other(&'a str),
}

impl<'a> IndexClass<'a> {
    /// The class of a statement.
    pub(super) fn of(statement: &'a CreateIndex) -> Self {
        match statement.class.as_deref() {
            None if statement.custom => Self::Other(LEGACY),
            None => Self::Legacy,
            Some(class) if !statement.custom && class.eq_ignore_ascii_case(LEGACY) => Self::Legacy,
            Some(class) => match class.to_ascii_lowercase().as_str() {
                "sai" | "storageattachedindex" => Self::StorageAttached,
                _ if class == STORAGE_ATTACHED => Self::StorageAttached,
                _ => Self::Other(class),
            },
        }
    }

    /// Rejects what no node has switched on without being told to.
    pub(super) fn check_enabled(self, rules: &SchemaRules) -> Result<()> {
        if self == Self::Other(SASI) && !rules.any_index_class {
            return Err(CatalogError::invalid("SASI indexes are disabled. Enable in cassandra.yaml to use."));
        }
        Ok(())
    }

    /// Rejects classes that a node can't load, and options that the class doesn't have.
    pub(super) fn check(
        self,
        table: &TableDef,
        statement: &CreateIndex,
        options: &BTreeMap<String, String>,
        rules: &SchemaRules,
    ) -> Result<()> {
        match self {
            Self::Legacy => Ok(()),
            Self::StorageAttached => check_storage_attached(table, statement, options),
            Self::Other(LEGACY) => Err(not_found(LEGACY)),
            Self::Other(_) if rules.any_index_class => Ok(()),
            Self::Other(class) => Err(not_found(class)),
        }
    }
}

/// What a node warns of whenever it validates a table: once for each index on vectors.
pub(super) fn vector_warnings(table: &TableDef) -> Vec<SchemaWarning> {
    let is_vector = |index: &&CreateIndex| {
        let column = index.targets.first().and_then(|target| table.column(target.column.as_str()));
        let is_vector = column.is_some_and(|column| matches!(column.ty.base(), Type::Vector { .. }));
        is_vector && IndexClass::of(index) == IndexClass::StorageAttached
    };
    table.indexes.iter().filter(is_vector).map(|_| SchemaWarning::VectorIndex).collect()
}

fn not_found(class: &str) -> CatalogError {
    CatalogError::configuration(format!("Unable to find custom indexer class '{class}'"))
}

fn check_storage_attached(
    table: &TableDef,
    statement: &CreateIndex,
    options: &BTreeMap<String, String>,
) -> Result<()> {
    let is_known =
        |name: &&String| ANALYZER_OPTIONS.contains(&name.as_str()) || VECTOR_OPTIONS.contains(&name.as_str());
    let unknown: Vec<_> = options.keys().filter(|name| !is_known(name)).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(CatalogError::configuration(format!(
            "Properties specified [{}] are not understood by StorageAttachedIndex",
            unknown.join(", ")
        )));
    }
    let target = match statement.targets.as_slice() {
        [target] => target,
        [] => return Err(CatalogError::invalid("Failed to retrieve target column for: ")),
        several => {
            let several: Vec<_> = several.iter().map(ToString::to_string).collect();
            return Err(CatalogError::invalid(format!(
                "A storage-attached index cannot be created over multiple columns: {}",
                several.join(", ")
            )));
        }
    };
    let attached = table.indexes.iter().filter(|index| IndexClass::of(index) == IndexClass::StorageAttached);
    if attached.into_iter().any(|index| index.targets == statement.targets) {
        return Err(CatalogError::invalid(format!(
            "Cannot create more than one storage-attached index on the same column: {}",
            target.column
        )));
    }
    let Some(column) = table.column(target.column.as_str()) else {
        return Err(CatalogError::new(CatalogErrorKind::NotFound, "Missing target column"));
    };
    let analyzed: BTreeMap<_, _> =
        options.iter().filter(|(name, _)| ANALYZER_OPTIONS.contains(&name.as_str())).collect();
    if is_key(column.kind) && !analyzed.is_empty() {
        let entries: Vec<_> = analyzed.iter().map(|(name, value)| format!("'{name}': '{value}'")).collect();
        return Err(CatalogError::invalid(format!(
            "Analysis options are not supported on primary key columns, but found {{{}}}",
            entries.join(", ")
        )));
    }
    let terms = indexed_types(column.ty.base(), target.kind);
    check_analyzer(&terms, &analyzed)?;
    check_terms(&terms, options)
}

/// The types of what is indexed of a column: two for the entries of a map.
fn indexed_types(ty: &Type, kind: IndexTargetKind) -> Vec<&Type> {
    let children: Vec<&Type> = ty.children().collect();
    let is_collection = matches!(ty, Type::List { .. } | Type::Set { .. } | Type::Map { .. });
    if !is_collection || !ty.is_multi_cell() {
        return vec![ty];
    }
    match (kind, children.as_slice()) {
        (IndexTargetKind::Keys, [key, ..]) => vec![*key],
        (IndexTargetKind::Entries, [_, _]) => children,
        (_, [.., value]) => vec![*value],
        (_, []) => vec![ty],
    }
}

fn check_analyzer(terms: &[&Type], analyzed: &BTreeMap<&String, &String>) -> Result<()> {
    if analyzed.is_empty() {
        return Ok(());
    }
    if let Some(other) = not_text(terms) {
        return Err(CatalogError::invalid(format!("CQL type {other} cannot be analyzed.")));
    }
    for (name, value) in analyzed {
        if value.is_empty() {
            return Err(CatalogError::invalid(format!("Empty value for boolean option '{name}'")));
        }
        if !value.eq_ignore_ascii_case("true") && !value.eq_ignore_ascii_case("false") {
            return Err(CatalogError::invalid(format!("Illegal value for boolean option '{name}': {value}")));
        }
    }
    Ok(())
}

/// What is indexed, unless that is text.
fn not_text(terms: &[&Type]) -> Option<String> {
    match terms {
        [Type::Text | Type::Ascii] => None,
        [one] => Some(CqlType::of(one).to_string()),
        several => {
            let several: Vec<_> = several.iter().map(|ty| CqlType::of(ty).to_string()).collect();
            Some(format!("map<{}>", several.join(", ")))
        }
    }
}

fn check_terms(terms: &[&Type], options: &BTreeMap<String, String>) -> Result<()> {
    let vector = match terms {
        [Type::Vector { element, dimension }] => Some((&**element, *dimension)),
        _ => None,
    };
    let given = VECTOR_OPTIONS.iter().any(|name| options.contains_key(*name));
    if given && vector.is_none() {
        let ty = terms.first().map(|ty| CqlType::of(ty).to_string()).unwrap_or_default();
        return Err(CatalogError::invalid(format!("CQL type {ty} cannot have vector options")));
    }
    let similarity = check_vector_options(options)?;
    if let Some(unsupported) = terms.iter().find(|ty| !is_supported(ty)) {
        return Err(CatalogError::invalid(format!("Unsupported type: {}", CqlType::of(unsupported))));
    }
    let Some((element, dimension)) = vector else { return Ok(()) };
    if *element != Type::Float {
        return Err(CatalogError::invalid(
            "SAI ANN indexes are only allowed on vector columns with float elements",
        ));
    }
    if dimension == 1 && similarity == "COSINE" {
        return Err(CatalogError::invalid("Cosine similarity is not supported for single-dimension vectors"));
    }
    Ok(())
}

/// Rejects options of vectors that a node refuses; returns the similarity.
fn check_vector_options(options: &BTreeMap<String, String>) -> Result<String> {
    let settings = [(MAX_CONNECTIONS, "Maximum node connections"), (BEAM_WIDTH, "Construction beam width")];
    if let Some((_, setting)) = settings.iter().find(|(name, _)| options.contains_key(*name)) {
        return Err(CatalogError::invalid(format!(
            "{setting} cannot be set without enabling SAI_VECTOR_ALLOW_CUSTOM_PARAMETERS"
        )));
    }
    // Options are checked before the index has its name.
    let one_of = |name: &str, default: &str, what: &str, quote: &str, words: &[&str]| {
        let given = options.get(name).map_or(default.to_owned(), |value| value.to_uppercase());
        match words.contains(&given.as_str()) {
            true => Ok(given),
            false => Err(CatalogError::invalid(format!(
                "{what} {quote}{given}{quote} was not recognized for index null. Valid values are: {}",
                words.join(", ")
            ))),
        }
    };
    let similarities = ["EUCLIDEAN", "DOT_PRODUCT", "COSINE"];
    let similarity = one_of(SIMILARITY, "COSINE", "Similarity function", "", &similarities)?;
    one_of(OPTIMIZE_FOR, "LATENCY", OPTIMIZE_FOR, "'", &["LATENCY", "RECALL"])?;
    Ok(similarity)
}

/// Whether a storage-attached index can hold values of the type: all that have an order or a hash,
/// and everything that is frozen.
fn is_supported(ty: &Type) -> bool {
    match ty {
        Type::Ascii
        | Type::BigInt
        | Type::Date
        | Type::Double
        | Type::Float
        | Type::Int
        | Type::SmallInt
        | Type::Text
        | Type::Time
        | Type::Timestamp
        | Type::TimeUuid
        | Type::TinyInt
        | Type::Uuid
        | Type::Inet
        | Type::Varint
        | Type::Decimal
        | Type::Boolean => true,
        other => !other.is_multi_cell() && other.children().next().is_some(),
    }
}
