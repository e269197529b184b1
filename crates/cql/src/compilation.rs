//! From a text to its answer: a compiled statement, its values and its execution.

use std::borrow::Cow;
use std::sync::Arc;

use helenus_cql_syntax::{Identifier, parse_statement};
use helenus_engine::{BindValue, BindValues};
use smallvec::SmallVec;

use crate::compile::{Compiled, compile, is_qualified};
use crate::environment::Environment;
use crate::error::{CqlError, CqlResult, refuse};
use crate::execution::StatementRun;
use crate::options::QueryOptions;
use crate::response::Response;
use crate::scope::Scope;
use crate::spec::ColumnSpec;
use crate::value::BoundValue;

/// A compiled statement and its markers.
#[derive(Debug)]
pub(crate) struct Compilation {
    pub(crate) compiled: Compiled,
    pub(crate) markers: Vec<ColumnSpec>,
    pub(crate) key_markers: Vec<usize>,
    pub(crate) catalog: Arc<helenus_schema::Catalog>,
    /// Whether the keyspace that it was compiled in doesn't matter.
    pub(crate) is_qualified: bool,
}

/// A text, compiled against the present schema.
pub(crate) fn compile_text(
    environment: &Arc<Environment>,
    text: &str,
    keyspace: Option<&str>,
) -> CqlResult<Compilation> {
    let statement = parse_statement(text)?;
    let is_qualified = is_qualified(&statement);
    let catalog = environment.database.schema();
    let mut scope = Scope::new(&catalog, keyspace);
    let compiled = compile(&mut scope, &environment.database, statement)?;
    let table = compiled.table().map(|table| &**table.schema());
    let (markers, key_markers) = scope.markers.finish(table)?;
    Ok(Compilation { compiled, markers, key_markers, catalog, is_qualified })
}

/// Executes what was compiled.
pub(crate) fn run(
    environment: &Arc<Environment>,
    compilation: &Compilation,
    values: &[BoundValue],
    options: &QueryOptions,
) -> CqlResult<Response> {
    if let Compiled::Write(write) = &compilation.compiled {
        let each: SmallVec<[&dyn BindValue; 16]> =
            values.iter().map(|value| value as &dyn BindValue).collect();
        if let Some(written) = write.execute_directly(options, &each) {
            return written;
        }
    }
    let run = StatementRun::new(environment, compilation.catalog.clone(), values, options);
    let answered = compilation.compiled.execute(&run);
    finish(&run, answered)
}

/// Executes what was compiled with Rust's values.
pub(crate) fn run_with(
    environment: &Arc<Environment>,
    compilation: &Compilation,
    values: impl BindValues,
    options: &QueryOptions,
) -> CqlResult<Response> {
    if let Compiled::Write(write) = &compilation.compiled {
        let written = values.with_values(|values| {
            let is_whole = values.len() == compilation.markers.len();
            is_whole.then(|| write.execute_directly(options, values)).flatten()
        });
        if let Some(written) = written {
            return written;
        }
    }
    let values = bind(&compilation.markers, values)?;
    run(environment, compilation, &values, options)
}

/// The answer or the error with the warnings of its execution.
pub(crate) fn finish(run: &StatementRun<'_>, answered: CqlResult<Response>) -> CqlResult<Response> {
    match answered {
        Ok(mut response) => {
            response.warnings = run.take_warnings();
            Ok(response)
        }
        Err(error) => Err(error.with_warnings(run.take_warnings())),
    }
}

/// Serialized values in the order of the markers (`OptionsWithColumnSpecifications.prepare`).
pub(crate) fn in_order<'v>(
    markers: &[ColumnSpec],
    values: &'v [BoundValue],
    options: &QueryOptions,
) -> CqlResult<Cow<'v, [BoundValue]>> {
    let Some(names) = &options.names else { return Ok(values.into()) };
    // A marker without a value has none: then there are too few of them.
    let of = |spec: &ColumnSpec| {
        names.iter().zip(values).find(|(name, _)| ***name == *spec.name).map(|(_, value)| value.clone())
    };
    Ok(markers.iter().filter_map(of).collect())
}

/// Rust's values as those of the markers, in their order.
pub(crate) fn bind(markers: &[ColumnSpec], values: impl BindValues) -> CqlResult<Vec<BoundValue>> {
    values.with_values(|values| {
        if values.len() != markers.len() {
            return refuse("Invalid amount of bind variables");
        }
        let each = values.iter().zip(markers).map(|(value, spec)| {
            let mut bytes = Vec::new();
            let name = Identifier::exact(&*spec.name);
            let invalid = |error| CqlError::invalid(format!("marker {name}: {error}"));
            Ok(match value.bind(&spec.ty, &mut bytes).map_err(invalid)? {
                helenus_engine::Binding::Value => BoundValue::Bytes(bytes),
                helenus_engine::Binding::Null => BoundValue::Null,
                helenus_engine::Binding::Unset => BoundValue::Unset,
            })
        });
        each.collect()
    })
}
