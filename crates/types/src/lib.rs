//! CQL types, value encodings, order, byte-comparable forms, tokens and vints.
