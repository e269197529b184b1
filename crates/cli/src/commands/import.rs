use crate::args::Import;
use crate::failure::Failure;

pub(crate) fn import(_: &Import) -> Result<(), Failure> {
    Ok(())
}
