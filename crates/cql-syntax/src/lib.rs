//! CQL text to tree and back: lexer, parser, AST, printer.
