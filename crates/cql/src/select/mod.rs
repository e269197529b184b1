//! SELECT (`SelectStatement`): selectors, groups, limits, pages.

mod groups;
mod order;
mod page;
mod plan;
mod selectable;
mod selection;
mod selector;
mod stream;

pub(crate) use plan::{SelectPlan, compile};
