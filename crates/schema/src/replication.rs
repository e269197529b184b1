//! How a keyspace is replicated (`ReplicationParams` and the strategies): maps of options, checked
//! as the node of one datacenter checks them, or less strictly for schemas of clusters.

use std::collections::BTreeMap;

use super::warning::SchemaWarning;
use crate::error::{CatalogError, Result};

const CLASS: &str = "class";
const FACTOR: &str = "replication_factor";
const PACKAGE: &str = "org.apache.cassandra.locator.";

/// `default_keyspace_rf`
const DEFAULT_FACTOR: &str = "1";

/// A `replication` map.
pub(super) type ReplicationMap = BTreeMap<String, String>;

/// The strategies that a keyspace can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReplicationClass {
    Simple,
    NetworkTopology,
    Local,
}

/// The replication of a keyspace that is made without a description.
pub(super) fn default_replication() -> ReplicationMap {
    let entries = [(CLASS, "SimpleStrategy"), (FACTOR, DEFAULT_FACTOR)];
    entries.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Rejects a map without a class (`KeyspaceAttributes.validate`).
pub(super) fn check_class(given: &ReplicationMap) -> Result<()> {
    if !given.is_empty() && !given.contains_key(CLASS) {
        return Err(CatalogError::configuration("Missing replication strategy class"));
    }
    Ok(())
}

/// The replication that a statement gives a keyspace, which has `previous` before.
///
/// # Errors
/// What a node refuses; `datacenter` is its own, and without one any datacenters are taken.
pub(super) fn prepared(
    keyspace: &str,
    given: &ReplicationMap,
    previous: &ReplicationMap,
    datacenter: Option<&str>,
) -> Result<ReplicationMap> {
    let mut options = given.clone();
    let class = options.remove(CLASS).unwrap_or_default();
    let strategy = strategy(&class)?;
    prepare(strategy, &mut options, previous, datacenter);
    if strategy == ReplicationClass::Local {
        return Err(CatalogError::invalid(
            "Unable to use given strategy class: LocalStrategy is reserved for internal use.",
        ));
    }
    check(keyspace, strategy, &options, datacenter)?;
    options.insert(CLASS.to_owned(), class.strip_prefix(PACKAGE).unwrap_or(&class).to_owned());
    Ok(options)
}

/// What a node of one datacenter warns of where a keyspace gets another replication.
pub(super) fn warnings(
    keyspace: &str,
    replication: &ReplicationMap,
    previous: Option<&ReplicationMap>,
) -> Vec<SchemaWarning> {
    let is_simple = replication.get(CLASS).is_some_and(|class| class == "SimpleStrategy");
    let factors = replication.iter().filter(|(name, _)| *name != CLASS);
    let factors = factors.filter_map(|(name, value)| Some((name, replicas(value)?)));
    let few = factors.filter(|(_, replicas)| *replicas > 1).map(|(name, replicas)| {
        let datacenter = (!is_simple).then(|| name.clone());
        SchemaWarning::FewNodes { keyspace: keyspace.to_owned(), replicas, datacenter }
    });
    let mut warnings: Vec<_> = few.collect();
    if previous.is_some_and(|previous| sum(previous) < sum(replication)) {
        warnings.push(SchemaWarning::MoreReplicas);
    }
    warnings
}

/// The replicas of all datacenters that hold all of a row.
fn sum(replication: &ReplicationMap) -> i64 {
    let factors = replication.iter().filter(|(name, _)| *name != CLASS);
    factors.filter_map(|(_, value)| replicas(value)).map(i64::from).sum()
}

fn replicas(factor: &str) -> Option<i32> {
    let (all, transient) = factor.split_once('/').unwrap_or((factor, "0"));
    all.parse::<i32>().ok()?.checked_sub(transient.parse().ok()?)
}

/// `AbstractReplicationStrategy.getClass`
fn strategy(class: &str) -> Result<ReplicationClass> {
    match class.strip_prefix(PACKAGE).unwrap_or(class) {
        "SimpleStrategy" => Ok(ReplicationClass::Simple),
        "NetworkTopologyStrategy" => Ok(ReplicationClass::NetworkTopology),
        "LocalStrategy" => Ok(ReplicationClass::Local),
        "OldNetworkTopologyStrategy" => Err(CatalogError::configuration(
            "The support for the OldNetworkTopologyStrategy has been removed in C* version 4.0. The keyspace strategy \
             should be switch to NetworkTopologyStrategy",
        )),
        _ => {
            let package = if class.contains('.') { "" } else { PACKAGE };
            Err(CatalogError::configuration(format!(
                "Unable to find replication strategy class '{package}{class}'"
            )))
        }
    }
}

/// `prepareOptions` of the strategies: factors that are meant and not given.
fn prepare(
    strategy: ReplicationClass,
    options: &mut ReplicationMap,
    previous: &ReplicationMap,
    datacenter: Option<&str>,
) {
    let default_factor = || previous.get(FACTOR).map_or(DEFAULT_FACTOR, String::as_str).to_owned();
    match (strategy, datacenter) {
        (ReplicationClass::Simple, _) => {
            options.entry(FACTOR.to_owned()).or_insert_with(default_factor);
        }
        (ReplicationClass::NetworkTopology, Some(datacenter)) => {
            if options.is_empty() {
                options.insert(FACTOR.to_owned(), default_factor());
            }
            if let Some(factor) = options.remove(FACTOR) {
                let others = previous.iter().filter(|(name, _)| *name != FACTOR && *name != CLASS);
                for (name, value) in others {
                    options.entry(name.clone()).or_insert_with(|| value.clone());
                }
                // A node passes over a factor that it can't read here.
                if check_factor(&factor).is_err() {
                    return;
                }
                options.entry(datacenter.to_owned()).or_insert(factor);
            }
            options.retain(|_, factor| factor != "0");
        }
        (ReplicationClass::NetworkTopology | ReplicationClass::Local, _) => {}
    }
}

/// `validateExpectedOptions` and `validateOptions` of the strategies.
fn check(
    keyspace: &str,
    strategy: ReplicationClass,
    options: &ReplicationMap,
    datacenter: Option<&str>,
) -> Result<()> {
    // The strategy is made before its options are looked at, and reads the factors then.
    for factor in options.values() {
        check_factor(factor)?;
    }
    let (name, is_known): (&str, &dyn Fn(&str) -> bool) = match strategy {
        ReplicationClass::Simple => ("SimpleStrategy", &|option| option == FACTOR),
        ReplicationClass::NetworkTopology => {
            if options.is_empty() && datacenter.is_some() {
                return Err(CatalogError::configuration(
                    "Configuration for at least one datacenter must be present",
                ));
            }
            ("NetworkTopologyStrategy", &|option| datacenter.is_none_or(|own| own == option))
        }
        ReplicationClass::Local => return Ok(()),
    };
    match options.keys().find(|option| !is_known(option)) {
        Some(unknown) => Err(CatalogError::configuration(format!(
            "Unrecognized strategy option {{{unknown}}} passed to {name} for keyspace {keyspace}"
        ))),
        None => Ok(()),
    }
}

/// `ReplicationFactor.fromString` on a node without transient replication.
fn check_factor(factor: &str) -> Result<()> {
    let number = |text: &str| {
        let number = text.parse::<i32>().ok();
        number.ok_or_else(|| CatalogError::configuration(format!("For input string: \"{text}\"")))
    };
    let (all, transient) = match factor.split_once('/') {
        None => (number(factor)?, 0),
        Some((_, transient)) if transient.contains('/') => {
            let text = "Replication factor format is <replicas> or <replicas>/<transient>";
            return Err(CatalogError::configuration(text));
        }
        Some((all, transient)) => (number(all)?, number(transient)?),
    };
    if transient != 0 {
        return Err(CatalogError::configuration("Transient replication is not enabled on this node"));
    }
    if all < 0 {
        return Err(CatalogError::configuration(format!(
            "Replication factor must be non-negative, found {all}"
        )));
    }
    Ok(())
}
