//! One walk over a value and whatever is in it.

use crate::value::Scalar;
use crate::{Element, Type, ValueError};

/// Where the parts of a value go as [`Type::visit`] comes to them.
pub trait ValueSink {
    /// The error that ends the walk.
    type Error: From<ValueError>;

    /// A value without elements. `ty` is not reversed.
    fn scalar(&mut self, ty: &Type, scalar: &Scalar<'_>) -> Result<(), Self::Error>;

    /// Null: an element that is not there.
    fn null(&mut self) -> Result<(), Self::Error>;

    /// The elements of a value of `ty` follow; a map's keys and values in turn. `is_empty`: the
    /// value has no bytes.
    fn begin(&mut self, ty: &Type, is_empty: bool) -> Result<(), Self::Error>;

    /// An element of `of`, from its place to its end.
    fn element(&mut self, of: &Type, index: usize, ty: &Type, value: Element<'_>) -> Result<(), Self::Error>;

    /// Whether fields that a value of `ty` lacks at its end, a tuple or user type, are shown as
    /// null.
    fn shows_missing_fields(&self, _ty: &Type) -> bool {
        true
    }

    /// The elements of a value of `ty` have been shown.
    fn end(&mut self, ty: &Type) -> Result<(), Self::Error>;
}

impl Type {
    /// Shows a serialized value to `sink`, then its elements.
    ///
    /// # Errors
    /// If the bytes are no value of the type, and the sink's own.
    #[inline]
    pub fn visit<S: ValueSink>(&self, value: &[u8], sink: &mut S) -> Result<(), S::Error> {
        match self.base() {
            ty if ty.has_elements() => ty.visit_elements(value, sink),
            ty => sink.scalar(ty, &ty.scalar(value)?),
        }
    }

    fn visit_elements<S: ValueSink>(&self, value: &[u8], sink: &mut S) -> Result<(), S::Error> {
        let broken = |error| ValueError::decode(self, &error);
        let mut elements = self.elements(value)?;
        sink.begin(self, value.is_empty())?;
        let mut index = 0;
        for element in elements.by_ref() {
            let element = element.map_err(broken)?;
            let Some(ty) = self.element_type_at(index) else { break };
            sink.element(self, index, ty, element)?;
            index += 1;
        }
        elements.finish().map_err(broken)?;
        if matches!(self, Type::Tuple(_) | Type::Udt { .. }) && sink.shows_missing_fields(self) {
            while let Some(ty) = self.element_type_at(index) {
                sink.element(self, index, ty, None)?;
                index += 1;
            }
        }
        sink.end(self)
    }
}
