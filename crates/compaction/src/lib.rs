//! Compaction strategies and the executor.
