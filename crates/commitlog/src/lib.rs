//! The commit log: preallocated segments, group commit, sync modes, replay.
