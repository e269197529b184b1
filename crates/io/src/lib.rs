//! Every file operation, behind one small trait.
